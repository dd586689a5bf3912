#!/usr/bin/env bash
# Writes assembly with a stub for every function of skein that the given objects call but none of them defines. A stub
# prints the function's name and aborts.
set -euo pipefail
echo ".text"
nm --format=posix "$@" | awk '$1 ~ /^_ZN?K?5skein/ { if ($2 == "U") wanted[$1]; else defined[$1] }
  END { for (s in wanted) if (!(s in defined)) print s }' | sort | while read -r symbol; do
  printf '.globl %s\n.type %s, @function\n%s:\n  sub $8, %%rsp\n  lea 1f(%%rip), %%rdi\n  call absent_function@PLT\n1: .asciz "%s"\n' \
    "$symbol" "$symbol" "$symbol" "$symbol"
done
echo '.section .note.GNU-stack,"",@progbits'
