#!/usr/bin/env bash
# geometry_check.sh SKEIN_GEOMETRY_DUMP MODEL SHORTCUT BATCH SIZE OFFSET TOLERANCE: dump skein's curvature, compute it in
# PyTorch, compare. PYTHON: of an environment that has PyTorch.
set -euo pipefail
python=${PYTHON:-python3}
[ -z "${PYTHON:-}" ] && [ -x /usr/bin/python3 ] && python=/usr/bin/python3   # the one that Debian's PyTorch belongs to
"$python" -c 'import torch' 2>/dev/null || { echo "skipped: $python has no PyTorch; apt install python3-torch"; exit 77; }
dump=$(mktemp -d)
trap 'rm -rf "$dump"' EXIT
"${@:1:6}" "$dump/run.safetensors"
"$python" "$(dirname "$0")/geometry_check.py" "$dump/run.safetensors" --tolerance "$7"
