#!/usr/bin/env bash
# The paper's four claims on a GPU, in what time there is: the preset resnet20-cifar10 (300 epochs, K = 16 workers on one
# GPU) in bf16, in order of value, as many seeds as fit. Started again, it goes on. One report: OUT/results/README.md.
#   gpu/reproduce.sh --data cifar10.skein [--minutes 12] [--out runs/gpu] [--jobs 4] [--build DIR] [--dry-run]
# --data: CIFAR-10 packed by `skein data import`, or the folder of its binary files. --jobs: runs at a time on the GPU,
# whose kernels one run does not fill. --build: a build directory for this GPU. --dry-run prints the commands.
# Exit status: 0 the time is over or all is done; 1 a run failed; 2 no GPU, no program, no data, or a wrong command line.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

minutes=12 out=runs/gpu jobs=4 build=build/gpu data='' dry=
usage() {
  echo "gpu/reproduce.sh: $1. Usage: gpu/reproduce.sh --data FILE|DIR [--minutes N] [--out DIR] [--jobs N] [--build DIR] [--dry-run]" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=1 ;;
    --data) data=${2:-} && [ -n "$data" ] || usage "--data needs a file or folder"; shift ;;
    --out) out=${2:-} && [ -n "$out" ] || usage "--out needs a folder"; shift ;;
    --build) build=${2:-} && [ -n "$build" ] || usage "--build needs a folder"; shift ;;
    --minutes) minutes=${2:-} && [[ $minutes =~ ^[1-9][0-9]*$ ]] || usage "--minutes needs a whole number from 1"; shift ;;
    --jobs) jobs=${2:-} && [[ $jobs =~ ^[1-9][0-9]*$ ]] || usage "--jobs needs a whole number from 1"; shift ;;
    *) usage "unknown argument $1" ;;
  esac
  shift
done
[ -n "$data" ] || usage "--data is missing"
nothing() { echo "gpu/reproduce.sh: $1" >&2; exit 2; }

place=(--data "$data")
[ ! -d "$data" ] || place=(--data cifar10 --data-dir "$data")
common=("$build/skein" reproduce resnet20-cifar10 --device cuda --dtype bf16 --out "$out/runs" "${place[@]}")
# The last half minute is for the checkpoints of what is stopped, and the report.
train=(timeout --signal=TERM --kill-after=25 "$((60 * minutes - 30))" "${common[@]}" --jobs "$jobs")
collect=("${common[@]}" --collect "$out/results")
if [ -n "$dry" ]; then
  for command in "${train[*]}" "${collect[*]}"; do echo "$command"; done
  exit 0
fi

[ -x "$build/skein" ] || nothing "there is no $build/skein. gpu/check.sh builds it, or give --build DIR"
[ -e "$data" ] || nothing "--data $data: there is no such file or folder"
devices=$("$build/skein" devices) || nothing "$build/skein devices failed"
reason=$(sed -n 's/^cuda  absent: //p' <<<"$devices")
[ -z "$reason" ] || nothing "there is no GPU here: $reason"
mkdir -p "$out" || nothing "--out $out cannot be made"

"${train[@]}" | tee -a "$out/log"
status=${PIPESTATUS[0]}
"${collect[@]}" | tee -a "$out/log"
collected=${PIPESTATUS[0]}
case $status in
  0) echo "done     all runs; report: $out/results/README.md" ;;
  124 | 143) echo "stopped  after $minutes minutes; the same command goes on. Report: $out/results/README.md" ;;
  2) exit 2 ;;
  *) echo "failed   with status $status; log: $out/log" && exit 1 ;;
esac
[ "$collected" -eq 0 ] || exit 1
