# One image for the API, the workers and the migrations; deploy/compose.yml shows how they stand together.
# No engine is in it: DATABASE_URL, REDIS_URL and BROKER_URL say where they are.

FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# what is locked first: these layers last until a lock changes
COPY requirements/build.txt requirements/production.txt requirements/
RUN pip install --require-hashes --only-binary :all: --requirement requirements/build.txt
RUN python -m venv --without-pip /nightmarket
RUN pip --python /nightmarket/bin/python install --require-hashes --only-binary :all: --requirement requirements/production.txt

# the project itself asks the network for nothing
COPY . .
RUN pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels .
RUN pip --python /nightmarket/bin/python install --no-index --no-deps /wheels/nightmarket-*.whl


FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.title="Night Market" \
    org.opencontainers.image.description="A GraphQL backend for mini-program and livestream commerce" \
    org.opencontainers.image.licenses="Apache-2.0"

RUN groupadd --gid 10001 nightmarket \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin nightmarket
COPY --from=build /nightmarket /nightmarket
COPY clients/documents.json /nightmarket/documents.json

ENV PATH=/nightmarket/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NIGHTMARKET_HOST=0.0.0.0 \
    NIGHTMARKET_LIVE_HOST=0.0.0.0 \
    NIGHTMARKET_API_SOCKETS=false \
    NIGHTMARKET_ADHOC_DOCUMENTS=false \
    NIGHTMARKET_DOCUMENTS=/nightmarket/documents.json \
    NIGHTMARKET_INTROSPECTION=false \
    NIGHTMARKET_SUGGESTIONS=false \
    NIGHTMARKET_GRAPHIQL=false \
    NIGHTMARKET_LOG_JSON=true
USER 10001:10001
WORKDIR /nightmarket
EXPOSE 8000 8001

# of the API; live and worker have others (deploy/compose.yml)
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]

ENTRYPOINT ["nightmarket"]
CMD ["api"]
