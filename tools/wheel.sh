#!/usr/bin/env bash
# wheel.sh BUILD OUT: makes the wheel of what was built in BUILD, prints what auditwheel says about it, and trains an
# epoch with it in a new virtual environment. OUT gets the wheel. Its tag, py3-none-PLATFORM, says that it holds a program
# of the platform and no Python. Exit status 77: PyPI cannot be reached.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
tools=$build/wheel-tools
bash "$source/tests/oracle/venv.sh" "$tools" 'pip>=23.1' scikit-build-core auditwheel

scratch=$(mktemp -d)
# scikit-build-core writes settings of its own into the cache, the install prefix among them.
cp "$build/CMakeCache.txt" "$scratch"
trap 'cp "$scratch/CMakeCache.txt" "$build" && cmake "$build" >"$scratch/log"; rm -rf "$scratch"' EXIT
PATH=$tools/bin:$PATH
pip wheel -q --no-build-isolation --no-deps -C build-dir="$build" -w "$scratch" "$source"
wheel=$(echo "$scratch"/skein_engine-*.whl)
auditwheel show "$wheel"

python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q --no-index --no-deps "$wheel"
cd "$scratch"
"$scratch/venv/bin/skein" --version
"$scratch/venv/bin/skein" train --model resnet8 --data synthetic --synthetic-train 32 --synthetic-test 8 \
  --synthetic-size 8 --batch 8 --epochs 1 --out "$scratch/run" | tail -1
mv "$wheel" "$out"
ls -l "$out/$(basename "$wheel")"
