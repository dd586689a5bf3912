#!/usr/bin/env bash
# Runs every fuzzer for SECONDS, or the ones that are named: run.sh SECONDS [SUBJECT ...]. Builds them first (preset
# fuzz). A finding is left in build/fuzz and ends with status 1; `build/fuzz/fuzz_SUBJECT FILE` shows it again. What was
# found before is in tests/fuzz/corpus/SUBJECT, and run first.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?run.sh SECONDS [SUBJECT ...]}
shift
subjects=${*:-safetensors cifar idx image tar shards}
build=${FUZZ_BUILD:-build/fuzz}
if [ ! -f "$build/build.ninja" ]; then
  command -v clang++-14 >/dev/null || { echo "fuzzing needs clang++-14 (Debian's clang-14): left out"; exit 0; }
  cmake --preset fuzz -B "$build" >/dev/null
fi
cmake --build "$build" | tail -n 1
corpus="$build/corpus"
"$build/fuzz_seeds" "$corpus"
mkdir -p "$corpus/image"
for picture in tests/images/*.jpg; do
  for use in 0 1 2; do printf "\\x13\\x0$use" | cat - "$picture" > "$corpus/image/$(basename "$picture")-$use"; done
done
for subject in $subjects; do
  mkdir -p "$corpus/$subject"
  found="tests/fuzz/corpus/$subject"
  echo "fuzz $subject, $seconds s"
  "$build/fuzz_$subject" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1500 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$build/" "$corpus/$subject" $([ -d "$found" ] && echo "$found") 2>"$build/$subject.log" >/dev/null ||
    { tail -n 60 "$build/$subject.log"; echo "fuzz_$subject has found something: see $build"; exit 1; }
  grep -hE "number_of_executed_units|new_units_added|peak_rss" "$build/$subject.log" | tr '\n' ' '
  echo
done
