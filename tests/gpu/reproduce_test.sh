#!/usr/bin/env bash
# The logic of gpu/reproduce.sh, with a program in the place of skein. No GPU takes part.   reproduce_test.sh [SKEIN]
# With SKEIN: the commands of the dry run are ones that it accepts.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
source "$root/tests/gpu/expect.sh"
mkdir -p "$work/gpu" "$work/build/gpu"
cp "$root/gpu/reproduce.sh" "$work/gpu/"
: >"$work/data.skein"
skein() { printf '#!/bin/bash\n%s\n' "$1" >"$work/build/gpu/skein" && chmod +x "$work/build/gpu/skein"; }
reproduce() { bash "$work/gpu/reproduce.sh" --data "$work/data.skein" --out "$work/out" "$@" >"$work/output" 2>&1; }

expect "a dry run needs nothing" reproduce --dry-run --minutes 12
expect "it stops in time" has "$work/output" "timeout --signal=TERM --kill-after=25 690 build/gpu/skein reproduce resnet20-cifar10"
expect "in bf16 on the GPU" has "$work/output" "--device cuda --dtype bf16"
expect "and collects" has "$work/output" "--collect $work/out/results"
expect "two commands" [ "$(wc -l <"$work/output")" -eq 2 ]
if [ $# -gt 0 ]; then
  line=$(sed -n '1s,.*build/gpu/skein ,,p' "$work/output")
  line=${line/--device cuda --dtype bf16/}  # which this build may lack
  $1 $line --dry-run >"$work/commands" || bad=1
  expect "the grid of three and three rates is first" [ "$(wc -l <"$work/commands")" -eq 6 ]
fi
reproduce --minutes 0
expect "a wrong command line: status 2" [ $? -eq 2 ]
reproduce
expect "no program: status 2" [ $? -eq 2 ]
expect "no program: says so" has "$work/output" "there is no build/gpu/skein"
skein 'echo "cuda  absent: no driver"'
reproduce
expect "no GPU: status 2" [ $? -eq 2 ]
expect "no GPU: says so" has "$work/output" "there is no GPU here: no driver"
skein 'echo "cuda  a GPU: $*"'
expect "all is done: status 0" reproduce
expect "all is done: says so" has "$work/output" "report: $work/out/results/README.md"
expect "one log" has "$work/out/log" "--collect"
sed -i 's/60 \* minutes - 30/minutes/' "$work/gpu/reproduce.sh"  # seconds, for this test
skein 'case "$*" in *collect*|devices) ;; *) exec sleep 100;; esac'
expect "the time is over: status 0" reproduce --minutes 1
expect "the time is over: says so" has "$work/output" "the same command goes on"
skein 'case "$*" in *collect*|devices) ;; *) exit 1;; esac'
reproduce
expect "a run fails: status 1" [ $? -eq 1 ]
exit $bad
