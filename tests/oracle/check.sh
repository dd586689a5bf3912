#!/usr/bin/env bash
# check.sh SKEIN_ORACLE MODEL SHORTCUT BATCH SIZE RATE OFFSET STEPS GRADIENTS: dump skein's run, repeat it in PyTorch,
# compare.
set -euo pipefail
python=python3
[ -x /usr/bin/python3 ] && python=/usr/bin/python3   # the one that Debian's PyTorch belongs to
"$python" -c 'import torch' 2>/dev/null || { echo "skipped: $python has no PyTorch; apt install python3-torch"; exit 77; }
dump=$(mktemp -d)
trap 'rm -rf "$dump"' EXIT
"${@:1:8}" "$dump/run.safetensors"
"$python" "$(dirname "$0")/torch_check.py" "$dump/run.safetensors" --gradients "$9"
