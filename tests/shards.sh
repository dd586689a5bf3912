#!/usr/bin/env bash
# Runs a GoogleTest program and shows of its output what belongs to tests that failed, or that ended the program.
set -uo pipefail
"$@" 2>&1 | awk '
  /\[ RUN      \]/ { text = "" }
  { text = text $0 "\n" }
  /\[       OK \]|\[  SKIPPED \]/ { text = "" }
  /\[  FAILED  \] .*ms\)/ { printf "%s", text; text = "" }
  END { printf "%s", text }'
