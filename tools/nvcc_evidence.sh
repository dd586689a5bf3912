#!/usr/bin/env bash
# Runs the given nvcc command and keeps its reports in OBJECT.evidence/: ptxas.log with the facts about every kernel,
# and one .ptx (the code before register allocation) per architecture. tools/kernel_report.py reads them.
set -uo pipefail
object= previous=
for argument; do
  [ "$previous" = -o ] && object=$argument
  previous=$argument
done
[ -n "$object" ] || exec "$@"
evidence=$object.evidence
rm -rf "$evidence"
mkdir -p "$evidence"
"$@" -Xptxas=-v -keep -keep-dir "$evidence" 2> "$evidence/ptxas.log"
status=$?
grep -vE '^ptxas info|^ +[0-9]+ bytes stack frame' "$evidence/ptxas.log" >&2
find "$evidence" -type f ! -name '*.ptx' ! -name ptxas.log -delete
exit $status
