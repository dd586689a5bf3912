#!/usr/bin/env bash
# Lists and installs the missing packages of tools/packages.txt for the given purposes.
#   install-packages.sh build [bench]
set -euo pipefail
list="$(dirname "$0")/packages.txt"
missing=()
for purpose in "$@"; do
  for package in $(awk -v purpose="$purpose" '$1 !~ /^#/ && $2 == purpose {print $1}' "$list"); do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "skein needs packages that are not installed: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "run as root: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
