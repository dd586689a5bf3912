#!/usr/bin/env bash
# dist.sh BUILD OUT [DEB] [TGZ] [wheel]: packages of what was built in BUILD, all kinds where none is named, and OUT's
# SHA256SUMS.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
kinds=${*:3}
for kind in ${kinds:-DEB TGZ wheel}; do
  if [ "$kind" = wheel ]; then
    status=0
    bash "$source/tools/wheel.sh" "$build" "$out" || status=$?
    [ $status = 77 ] && echo "no wheel was made" && continue
    [ $status = 0 ] || exit $status
  else
    (cd "$build" && cpack -G "$kind" -B "$out")
    rm -rf "$out/_CPack_Packages"
  fi
done
cd "$out"
shopt -s nullglob
sha256sum -- *.deb *.tar.gz *.whl >SHA256SUMS
cat SHA256SUMS
