#!/usr/bin/env bash
# amx_bytes.sh LIBRARY: reads the instructions back that kernels/cpu/dialect/amx_tiles.h writes as bytes. Each must be the
# one that its comment names, of the tile and with the registers that are meant.
set -euo pipefail
[ "$(uname -m)" = x86_64 ] || { echo "AMX is of x86-64"; exit 77; }
meant() {
  printf '%s\n' "ldtilecfg (%rax)" "tilerelease"
  for sum in 0 1 2 3 4 5; do printf '%s\n' "tdpbf16ps %tmm7,%tmm6,%tmm$sum" "tilezero %tmm$sum"; done
  for tile in 0 1 2 3 4 5 6 7; do printf '%s\n' "tileloadd (%rax,%rcx,1),%tmm$tile"; done
  for tile in 0 1 2 3 4 5 7; do printf '%s\n' "tilestored %tmm$tile,(%rax,%rcx,1)"; done
}
found() {
  objdump -d --no-show-raw-insn "$1" | sed -n 's/^ *[0-9a-f]*:\t\(tile\|tdp\|ldtile\)/\1/p' | tr -s ' '
}
diff <(meant | sort) <(found "$1" | sort -u) || { echo "differ: what is meant, and what there is"; exit 1; }
