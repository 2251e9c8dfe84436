#!/usr/bin/env bash
# Writes requirements.lock and package-lock.json: exact versions with checksums, no addresses.
#
#   deploy/setup/lock.sh [--upgrade]       without --upgrade what is pinned stays where it is
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tool=$(mktemp -d "${TMPDIR:-/tmp}/callfloor-lock.XXXXXX")
trap 'rm -rf "$tool"' EXIT
"$(deploy/setup/find-python.sh)" -m venv "$tool"
"$tool/bin/python" -m pip install --quiet --disable-pip-version-check uv

"$tool/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-header --no-annotate --output-file requirements.lock "$@" requirements.in
npm install --package-lock-only --silent
deploy/setup/tidy.sh
