#!/bin/sh
# Chromium for the tests in a browser, in CI or where NIGHTMARKET_BROWSER_TESTS=1 asks for it; nobody else's machine is
# touched. Where there is none the tests are skipped and say so, so this never fails.
set -eu

if command -v chromium >/dev/null 2>&1 || [ -z "${CI:-}${NIGHTMARKET_BROWSER_TESTS:-}" ]; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "browser tests: no chromium, and only root on Debian or Ubuntu can have it installed here" >&2
    exit 0
fi

apt() {
    DEBIAN_FRONTEND=noninteractive timeout 240 \
        apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=20 "$@" >/dev/null 2>&1
}

echo "browser tests: installing chromium"
if ! { apt update && apt install -y --no-install-recommends chromium; }; then
    echo "browser tests: chromium could not be installed" >&2
fi
