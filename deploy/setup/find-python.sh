#!/usr/bin/env bash
# Prints the Python to build the virtual environment with: PYTHON if set, else the first that is new enough.
set -euo pipefail

for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    path=$(command -v "$candidate") || continue
    if "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "$path"
        exit 0
    fi
done
echo "No Python 3.11 or newer here" >&2
exit 1
