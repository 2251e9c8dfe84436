#!/usr/bin/env bash
# Part of `make lint`: refuses what no other tool notices.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bad=0

# These names belong to the standard library and to Alembic. As packages of ours they would take their place
# and break numpy, SQLAlchemy, uvicorn and `python -m pytest`.
for stray in numbers/__init__.py alembic/__init__.py tests/numbers; do
    if [ -e "$stray" ]; then
        echo "$stray must not exist (tests of numbering stand in tests/numbering/)"
        bad=1
    fi
done

# Locks carry checksums, never addresses: they serve behind any mirror.
if grep -nE 'https?://|"resolved"' requirements.in requirements.lock package.json package-lock.json .npmrc deploy/pjsua2/*.lock; then
    echo "an address stands in a lock file"
    bad=1
fi

exit "$bad"
