#!/usr/bin/env bash
# venv.sh FOLDER PACKAGE...: a virtual environment with packages of PyPI, for checks against other people's programs.
# Made once and kept; prints nothing when all is well, FOLDER/bin/python is the interpreter. Exit status 77 (skipped):
# PyPI cannot be reached, or there is no python3-venv.
set -euo pipefail
folder=$1
shift
python3 -c 'import ensurepip' 2>/dev/null || { echo "skipped: no python3-venv; apt install python3-venv"; exit 77; }
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
[ "$(cat "$folder/packages" 2>/dev/null)" = "$*" ] && exit 0
python3 -m venv "$folder"
if ! "$folder/bin/python" -m pip install -q --disable-pip-version-check --retries 1 --timeout 20 "$@" \
    >"$folder/log" 2>&1; then
  if grep -qiE 'connection|unreachable|timed out|name resolution|proxy|max retries' "$folder/log"; then
    echo "skipped: PyPI cannot be reached"
    exit 77
  fi
  cat "$folder/log"
  exit 1
fi
echo "$*" >"$folder/packages"
