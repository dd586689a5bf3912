#!/usr/bin/env bash
# export_check.sh BUILD: every kind of network as `skein export` writes it, against ONNX Runtime and PyTorch
# (tests/oracle/export_check.py). Exit status 77: skipped.
set -euo pipefail
here=$(dirname "$0")
venv="$1/oracle-venv"
bash "$here/venv.sh" "$venv" numpy onnx onnxruntime safetensors
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$venv/bin/python" "$here/export_check.py" "$1" "$out"
