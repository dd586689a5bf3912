#!/usr/bin/env bash
# The logic of gpu/check.sh and tests/gpu/run.sh, with programs in the place of the GPU's that do nothing but succeed or
# fail. No GPU takes part.   check_test.sh
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
source "$root/tests/gpu/expect.sh"
program() { mkdir -p "$(dirname "$1")" && printf '#!/bin/bash\n%s\n' "$2" >"$1" && chmod +x "$1"; }

# A tree of its own, in which check.sh finds only such programs.
mkdir -p "$work/gpu" "$work/bin"
cp "$root/gpu/check.sh" "$work/gpu/"
program "$work/tools/install-packages.sh" 'exit 0'
program "$work/build/gpu/skein" 'echo "skein $*"'
program "$work/bin/nvidia-smi" 'echo 9.0'
program "$work/bin/python" 'echo "python $*"'
for name in nvcc cmake; do program "$work/bin/$name" "echo \"$name \$*\""; done
check() {
  PATH=$work/bin:$PATH PYTHON=$work/bin/python bash "$work/gpu/check.sh" --out "$work/report" "$@" >"$work/output" 2>&1
}

expect "bash can read all of it" bash -n "$root/gpu/check.sh"
bash "$root/gpu/check.sh" --dry-run >"$work/dry"
expect "a dry run needs no GPU" [ $? -eq 0 ]
expect "25 steps" [ "$(wc -l <"$work/dry")" -eq 25 ]
for part in "-DSKEIN_CUDA=on" "cmake --build" "devices --json" "plan --gpu build/gpu/devices.json" \
  "-L gpu -LE sanitizer" "bench kernels --device cuda" "-L sanitizer" "gpu/several.sh build/gpu/skein"; do
  expect "$part in the dry run" has "$work/dry" "$part"
done
for model in resnet20 densenet40-12 wrn28-10 resnet50; do
  for dtype in f32 tf32 bf16; do
    expect "a step" has "$work/dry" "bench step --device cuda --dtype $dtype --model $model "
  done
  expect "PyTorch's" has "$work/dry" "pytorch_step.py --device cuda --dtype bf16 tf32 --model $model "
done

rm -f "$work/report"
NVIDIA_SMI=/nonexistent/nvidia-smi check
expect "no driver: status 2" [ $? -eq 2 ]
expect "no driver: says so" has "$work/output" "there is no GPU here"
program "$work/bin/smi" 'echo "No devices were found"; exit 6'
NVIDIA_SMI=$work/bin/smi check
expect "no device: status 2" [ $? -eq 2 ]
expect "no device: says so" has "$work/output" "there is no GPU here: nvidia-smi answers 'No devices were found'"
expect "no GPU: no report" [ ! -e "$work/report" ]
check --minute 3
expect "a wrong command line: status 2" [ $? -eq 2 ]

program "$work/bin/ctest" 'echo "ctest $* required=$SKEIN_REQUIRE_GPU"'
check
expect "all passes: status 0" [ $? -eq 0 ]
expect "built for the GPU at hand" has "$work/report" "-DSKEIN_CUDA=on -DCMAKE_CUDA_ARCHITECTURES=90-real"
expect "a missing GPU is a failure" has "$work/report" "required=1"
expect "the device's JSON" has "$work/report" "skein devices --json"
expect "every step passed but the one of several GPUs" [ "$(grep -c ' passed, ' "$work/output")" -eq 24 ]
expect "which says why" has "$work/output" "left out: there is one GPU"

program "$work/bin/nvidia-smi" 'printf "9.0\n9.0\n"'
program "$work/gpu/several.sh" 'echo "several $*"'
check
expect "several GPUs" has "$work/report" "several build/gpu/skein"
program "$work/bin/nvidia-smi" 'echo 9.0'

program "$work/bin/ctest" 'case "$*" in *"-L sanitizer"*) exit 8;; esac'
program "$work/bin/python" 'exit 1'
check
expect "one fails: status 1" [ $? -eq 1 ]
expect "it is named" has "$work/report" "compute-sanitizer              FAILED with status 8"
expect "the next one runs" has "$work/report" "step resnet20 tf32             passed"
expect "no PyTorch is no failure" has "$work/report" "left out"
expect "one failure" has "$work/output" ", 1 of 22 not passed"
mkdir -p "$work/elsewhere" && cp "$work/build/gpu/skein" "$work/elsewhere/"
check --build "$work/elsewhere"
expect "nothing is built where it has been" [ "$(grep -c 'cmake' "$work/report")" -eq 0 ]
expect "all the same to be checked" has "$work/report" "$work/elsewhere/skein bench kernels --device cuda"

program "$work/bin/cmake" 'case "$*" in *--build*) exit 1;; esac'
check
expect "the build fails: status 1" [ $? -eq 1 ]
expect "and ends the run" has "$work/output" "1 of 3 not passed"
program "$work/bin/cmake" 'exec sleep 100'
sed -i 's/60 \* minutes/minutes/' "$work/gpu/check.sh"  # seconds, for this test
check --minutes 2
expect "no time: status 1" [ $? -eq 1 ]
expect "no time: cut off" has "$work/output" "CUT OFF"
expect "no time: not run" has "$work/output" "not run: no time left"

# The tests' own script, without a device and without the sanitizer.
run() { PATH=$work/bin:/usr/bin:/bin bash "$root/tests/gpu/run.sh" "$@" >"$work/output" 2>&1; }
program "$work/absent" 'echo "cuda  absent: no driver"'
program "$work/present" 'echo "cuda  Some GPU"'
program "$work/tests" 'echo "tests $*"'
SKEIN_REQUIRE_GPU='' run none "$work/absent" "$work/tests" 'Cuda*'
expect "no GPU: skipped" [ $? -eq 77 ]
expect "no GPU: the reason" has "$work/output" "no driver"
SKEIN_REQUIRE_GPU=1 run none "$work/absent" "$work/tests" 'Cuda*'
expect "no GPU though required" [ $? -eq 1 ]
run none "$work/present" "$work/tests" 'Cuda*'
expect "a GPU: the tests run" has "$work/output" "--gtest_filter=Cuda*"
program "$work/bin/compute-sanitizer" 'echo "sanitizer $*"; exit 3'
run initcheck "$work/present" "$work/tests" 'Cuda*'
expect "the sanitizer's status" [ $? -eq 3 ]
expect "the sanitizer's tool" has "$work/output" "--tool initcheck"
exit $bad
