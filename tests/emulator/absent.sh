#!/usr/bin/env bash
# Writes assembly that defines every function of skein that these objects call and none of them defines: it stops the
# program and says its name.
set -euo pipefail
echo ".text"
nm --format=posix "$@" | awk '$1 ~ /^_ZN?K?5skein/ { if ($2 == "U") wanted[$1]; else defined[$1] }
  END { for (s in wanted) if (!(s in defined)) print s }' | sort | while read -r symbol; do
  printf '.globl %s\n.type %s, @function\n%s:\n  sub $8, %%rsp\n  lea 1f(%%rip), %%rdi\n  call absent_function@PLT\n1: .asciz "%s"\n' \
    "$symbol" "$symbol" "$symbol" "$symbol"
done
echo '.section .note.GNU-stack,"",@progbits'
