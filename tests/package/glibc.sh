#!/usr/bin/env bash
# glibc.sh FILE...: fails where FILE asks for a newer C library than docs/installing.md states for the system that built
# it: a program by itself, or a .tar.gz or .whl with all that it bundles. SYSTEM names another system than this one, as
# 'debian 11'. objdump -T lists the versions of symbols. Exit status 77: there is no objdump, or no row for the system.
set -euo pipefail
page=$(dirname "$0")/../../docs/installing.md
system=${SYSTEM:-$(. /etc/os-release && echo "$ID $VERSION_ID")}
command -v objdump >/dev/null || { echo "skipped: no objdump; apt install binutils"; exit 77; }
row=$(grep "^| $system | [0-9.]* | [0-9.]* |" "$page") || { echo "skipped: $page has no row for $system"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for file in "$@"; do
  column=4
  rm -rf "$scratch/files"
  mkdir "$scratch/files"
  case $file in
    *.tar.gz) tar -xzf "$file" -C "$scratch/files" ;;
    *.whl) python3 -m zipfile -e "$file" "$scratch/files" ;;
    *) cp "$file" "$scratch/files" && column=3 ;;
  esac
  stated=$(echo "$row" | cut -d '|' -f "$column" | tr -d ' ')
  asked=$(find "$scratch/files" -type f \( -name '*.so*' -o -perm -u+x -o -path '*/bin/*' \) -exec objdump -T {} + 2>/dev/null |
    grep -o 'GLIBC_[0-9][0-9.]*' | sort -uV | tail -n 1 | cut -d _ -f 2)
  echo "$(basename "$file") asks for glibc $asked; $page states $stated for $system"
  [ "$(printf '%s\n' "$asked" "$stated" | sort -V | tail -n 1)" = "$stated" ] || exit 1
done
