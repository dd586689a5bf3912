#!/usr/bin/env bash
# smoke.sh PLACE OUT: installs every package of OUT in a place of its own below PLACE and trains an epoch with it. The
# .tar.gz runs where it is unpacked, the wheel in a virtual environment, the .deb in a Debian 12 that debootstrap makes in
# PLACE/debian12 (root only), from which it is removed again.
set -euo pipefail
mkdir -p "$1"
place=$(realpath "$1")
out=$(realpath "$2")
small=(train --model resnet8 --data synthetic --synthetic-train 32 --synthetic-test 8 --synthetic-size 8 --batch 8
       --epochs 1)
check() {  # PACKAGE COMMAND...: the command of a program, which must train
  local package=$1
  shift
  "$@" --version >"$place/version"
  "$@" "${small[@]}" --out "/tmp/smoke-$$" >"$place/log" 2>&1 || { cat "$place/log"; echo "$package does not train"; exit 1; }
  grep -q 'done *test top-1' "$place/log" || { cat "$place/log"; exit 1; }
  rm -rf "/tmp/smoke-$$"
  echo "$package, $(stat -c %s "$out/$package") bytes: $(sed -n 's/^program //p' "$place/version") trained an epoch"
}

for archive in "$out"/skein-*.tar.gz; do
  rm -rf "$place/tar" && mkdir "$place/tar"
  tar -xzf "$archive" -C "$place/tar"
  check "$(basename "$archive")" "$place"/tar/skein-*/bin/skein
done
for wheel in "$out"/skein_engine-*.whl; do
  rm -rf "$place/venv" && python3 -m venv "$place/venv"
  "$place/venv/bin/pip" install -q --no-index --no-deps "$wheel"
  check "$(basename "$wheel")" "$place/venv/bin/skein"
done
root=$place/debian12
[ -x "$root/usr/bin/apt-get" ] || debootstrap --variant=minbase bookworm "$root" >"$place/log"
cp "$out"/skein*.deb "$root/tmp"
cp /etc/resolv.conf "$root/etc"
mount --bind /proc "$root/proc"
trap 'umount "$root/proc"' EXIT
apt() {
  chroot "$root" sh -c "DEBIAN_FRONTEND=noninteractive apt-get -q -y $*" >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }
}
apt update
apt install --no-install-recommends '/tmp/skein*.deb'
check "$(basename "$(echo "$out"/skein_*.deb)")" chroot "$root" skein
apt remove skein skein-mpi
! chroot "$root" sh -c 'command -v skein' || { echo "the .deb leaves a program behind"; exit 1; }
