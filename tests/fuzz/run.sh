#!/usr/bin/env bash
# Runs the fuzzers (all, or the named ones) for SECONDS, in parallel:
#   run.sh SECONDS [SUBJECT ...]
# It builds them first (preset emulated). A finding is stored in the build folder and gives exit status 1;
# `build/emulated/fuzz_SUBJECT FILE` reproduces it. Earlier findings are in tests/fuzz/corpus/SUBJECT and are run first.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?run.sh SECONDS [SUBJECT ...]}
shift
[ $# -gt 0 ] || set -- safetensors cifar idx image archive shards wire
build=${FUZZ_BUILD:-build/emulated}
if [ ! -f "$build/build.ninja" ]; then
  command -v clang++ >/dev/null || { echo "fuzzing needs clang++: left out"; exit 0; }
  cmake --preset emulated -B "$build" >/dev/null
fi
cmake --build "$build" --target fuzz_seeds ${@/#/fuzz_} | tail -n 1
export OMP_NUM_THREADS=1
corpus="$build/corpus"
"$build/fuzz_seeds" "$corpus"
mkdir -p "$corpus/image" "$corpus/archive"
cp tests/golden/meta*.mat "$corpus/archive"
for picture in tests/images/*; do
  for use in 0 1 2; do printf "\\x13\\x0$use" | cat - "$picture" > "$corpus/image/$(basename "$picture")-$use"; done
done

fuzz() {
  local subject=$1 found="tests/fuzz/corpus/$1"
  mkdir -p "$corpus/$subject"
  if ! "$build/fuzz_$subject" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=1500 -print_final_stats=1 \
      -verbosity=0 -artifact_prefix="$build/" "$corpus/$subject" $([ -d "$found" ] && echo "$found") \
      2>"$build/$subject.log" >/dev/null; then
    tail -n 60 "$build/$subject.log"
    echo "fuzz_$subject has found something: see $build"
    return 1
  fi
  echo "fuzz $subject, $seconds s: $(grep -ahoE "(number_of_executed_units|new_units_added|peak_rss_mb): +[0-9]+" \
      "$build/$subject.log" | tr -s ' \n' ' ')"
}
export -f fuzz
export build corpus seconds
printf '%s\n' "$@" | xargs -P "$#" -I{} bash -c 'fuzz {}'
