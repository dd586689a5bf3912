#!/usr/bin/env bash
# Installs the missing packages of tools/packages.txt for the given purposes. Who is not root gets the command to run, or
# to ask an administrator for; nothing is installed then.
#   install-packages.sh build [bench]
set -euo pipefail
list="$(dirname "$0")/packages.txt"
installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }
# The one of several names that is installed, else the first that apt can install (it knows names without a package), else
# the first.
choose() {
  local name
  for name in "$@"; do installed "$name" && echo "$name" && return; done
  for name in "$@"; do [ -n "$(apt-cache show "$name" 2>/dev/null)" ] && echo "$name" && return; done
  echo "$1"
}
command -v dpkg-query >/dev/null || { echo "note: no dpkg here; packages are not checked (tools/packages.txt lists them)"; exit 0; }
missing=()
for purpose in "$@"; do
  for names in $(awk -v purpose="$purpose" '$1 !~ /^#/ && $2 == purpose {print $1}' "$list"); do
    package=$(IFS='|'; choose $names)
    installed "$package" || missing+=("$package")
  done
done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "skein needs packages that are not installed: ${missing[*]}"
if [ "$(id -u)" -ne 0 ]; then
  echo "Only root can install them. Run this, or ask an administrator for it, and make again:" >&2
  echo "  sudo apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
apt-get update -q || echo "note: the package lists could not be refreshed" >&2
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" || {
  echo "These packages could not be installed: ${missing[*]}. Without a network, install them from a mirror or a medium." >&2
  exit 1
}
