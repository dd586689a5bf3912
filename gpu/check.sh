#!/usr/bin/env bash
# Checks that need a GPU, by one command, with one report file. Builds with nvcc for this GPU, runs the tests labelled
# gpu, plainly and under compute-sanitizer, and times kernels and training steps; the same steps in PyTorch if python3
# has it with CUDA.
#   gpu/check.sh [--out gpu-report.txt] [--minutes 10] [--build DIR] [--dry-run]
# --build: a build directory made elsewhere for this GPU, for machines that cannot build. Steps for which no time is
# left are reported as not run. --dry-run prints the commands and needs no GPU.
# Exit status: 0 everything passed; 1 something failed or was not run; 2 no GPU, no nvcc, or a wrong command line.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

out=gpu-report.txt minutes=10 dry= build=build/gpu built=
usage() { echo "gpu/check.sh: $1. Usage: gpu/check.sh [--out FILE] [--minutes N] [--build DIR] [--dry-run]" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=1 ;;
    --out) out=${2:-} && [ -n "$out" ] || usage "--out needs a file"; shift ;;
    --minutes) minutes=${2:-} && [[ $minutes =~ ^[0-9]+$ ]] || usage "--minutes needs a whole number"; shift ;;
    --build) built=1 build=${2:-} && [ -x "$build/skein" ] || usage "--build needs a folder with a skein"; shift ;;
    *) usage "unknown argument $1" ;;
  esac
  shift
done

nothing() { echo "gpu/check.sh: $1" >&2; exit 2; }
capability=CC
if [ -z "$dry" ]; then
  smi=${NVIDIA_SMI:-nvidia-smi}
  command -v "$smi" >/dev/null || nothing "there is no GPU here: NVIDIA's driver has brought no nvidia-smi"
  capability=$("$smi" --query-gpu=compute_cap --format=csv,noheader 2>&1 | head -n 1 | tr -d .)
  [[ $capability =~ ^[0-9]+$ ]] || nothing "there is no GPU here: nvidia-smi answers '$capability'"
  command -v nvcc >/dev/null || PATH=$PATH:/usr/local/cuda/bin
  command -v nvcc >/dev/null || [ -n "$built" ] || nothing "there is no nvcc. Install the CUDA toolkit, 12 or 13, or put its bin into PATH"
  : >"$out" || nothing "$out cannot be written; give --out FILE"
  {
    echo "skein $(git rev-parse --short HEAD 2>/dev/null), $(date -u '+%Y-%m-%d %H:%M UTC'), at most $minutes minutes"
    "$smi"
    [ -n "$built" ] || nvcc --version | tail -n 2
  } >>"$out" 2>&1
fi

export SKEIN_REQUIRE_GPU=1
deadline=$((SECONDS + 60 * minutes)) failures=0
summary=()
note() {  # NAME VERDICT
  summary+=("$(printf '%-30s %s' "$1" "$2")")
  echo "${summary[-1]}"
}
step() {  # NAME COMMAND...
  local name=$1 left=$((deadline - SECONDS)) start=$SECONDS status
  shift
  if [ -n "$dry" ]; then printf '%-30s %s\n' "$name" "$(printf '%q ' "$@")"; return; fi
  printf '\n== %s\n$ %s\n' "$name" "$(printf '%q ' "$@")" >>"$out"
  if [ "$left" -lt 1 ]; then
    echo "not run: the $minutes minutes are over" >>"$out"
    note "$name" "not run: no time left"
    failures=$((failures + 1))
    return 1
  fi
  timeout --kill-after=5 "$left" "$@" >>"$out" 2>&1
  status=$?
  if [ $status -eq 0 ]; then
    note "$name" "passed, $((SECONDS - start)) s"
  elif [ $status -eq 124 ] || [ $status -eq 137 ]; then
    note "$name" "CUT OFF after $((SECONDS - start)) s: no time left"
  else
    note "$name" "FAILED with status $status"
  fi
  [ $status -eq 0 ] || failures=$((failures + 1))
  return $status
}

finish() {
  [ -n "$dry" ] && exit 0
  {
    printf '\n== summary\n'
    printf '%s\n' "${summary[@]}"
  } >>"$out"
  echo "report: $out, $failures of ${#summary[@]} not passed"
  [ "$failures" -eq 0 ] || exit 1
  exit 0
}

skein=$build/skein devices=$build/devices.json
if [ -z "$built" ]; then
  step packages bash tools/install-packages.sh build
  step configure cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSKEIN_CUDA=on \
    "-DCMAKE_CUDA_ARCHITECTURES=$capability-real"
  step build cmake --build "$build" --target skein skein_tests || finish
fi

step "devices --json" bash -c "$skein devices --json >$devices && cat $devices"
step "plan for this GPU" $skein plan --gpu $devices --model resnet20 --batch 128 --dtype bf16
step "tests" ctest --test-dir "$build" -L gpu -LE sanitizer --output-on-failure -j 4

#           model         batch size classes
networks=("resnet20      128   32   10"
          "densenet40-12 64    32   10"
          "wrn28-10      128   32   10"
          "resnet50      64    224  1000")
shape_of() { echo "--model $1 --batch $2 --size $3 --classes $4"; }
steps() {  # DTYPE
  local network shape
  for network in "${networks[@]}"; do
    read -ra shape <<<"$(shape_of $network)"
    step "step ${network%% *} $1" $skein bench step --device cuda --dtype "$1" "${shape[@]}"
  done
}
steps bf16
python=${PYTHON:-python3}
if [ -n "$dry" ] || "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
  for network in "${networks[@]}"; do
    read -ra shape <<<"$(shape_of $network)"
    step "PyTorch ${network%% *}" "$python" tests/bench/pytorch_step.py --device cuda --dtype bf16 tf32 "${shape[@]}"
  done
else
  note PyTorch "left out: $python has no PyTorch with CUDA"
fi
step "bench kernels" $skein bench kernels --device cuda
step "compute-sanitizer" ctest --test-dir "$build" -L sanitizer --output-on-failure -j 4
if [ -n "$dry" ] || [ "$("$smi" --list-gpus | wc -l)" -gt 1 ]; then
  step "several GPUs" bash gpu/several.sh $skein
else
  note "several GPUs" "left out: there is one GPU"
fi
steps tf32
steps f32
finish
