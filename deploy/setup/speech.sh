#!/usr/bin/env bash
# Makes the simulated carrier's speech and tones, once per user; without it the first carrier would.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
.venv/bin/python -m dialer.simulation.speech
