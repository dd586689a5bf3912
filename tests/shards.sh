#!/usr/bin/env bash
# Runs a GoogleTest program and shows of its output what belongs to tests that failed, or that ended the program.
# LeakSanitizer's tracer may crash at the program's end, now and then (github.com/google/sanitizers/issues/1353): with
# all tests passed, that is a leak check that could not be made, and not a failure.
set -uo pipefail
"$@" 2>&1 | awk '
  /\[ RUN      \]/ { text = "" }
  { text = text $0 "\n" }
  /\[       OK \]|\[  SKIPPED \]/ { text = "" }
  /\[  FAILED  \] .*ms\)/ { printf "%s", text; text = "" }
  /\[  PASSED  \]/ { passed = 1 }
  /\[  FAILED  \]|ERROR: / { bad = 1 }
  passed && /Tracer caught signal/ { crashed = 1 }
  END {
    printf "%s", text
    if (passed && crashed && !bad) { print "leaks were not looked for"; exit 77 }
  }'
status=("${PIPESTATUS[@]}")
if [ "${status[1]}" = 77 ]; then exit 0; fi
exit "${status[0]}"
