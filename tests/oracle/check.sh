#!/usr/bin/env bash
# check.sh SKEIN_ORACLE MODEL SHORTCUT BATCH SIZE RATE OFFSET STEPS GRADIENTS: dump skein's run, repeat it in PyTorch,
# compare.
set -euo pipefail
dump=$(mktemp -d)
trap 'rm -rf "$dump"' EXIT
"${@:1:8}" "$dump/run.safetensors"
python=python3
[ -x /usr/bin/python3 ] && python=/usr/bin/python3   # the one that Debian's PyTorch belongs to
"$python" "$(dirname "$0")/torch_check.py" "$dump/run.safetensors" --gradients "$9"
