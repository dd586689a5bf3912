#!/usr/bin/env bash
# oldest.sh CHROOT OUT: makes the .tar.gz and the wheel of the last commit in Debian 11, the oldest system whose compiler
# (g++ 10) builds skein, so that they run where the C library is that old. CHROOT is a folder for that system, made by
# debootstrap where it is absent. Only root can. The CUDA toolkit is this machine's own.
# Debian 11 lacks some libraries or has them too old: these are Debian 12's. Headers are unpacked, the rest is compiled.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
[ $# = 2 ] || { sed -n '2,5s/^# //p' "$0"; exit 2; }
[ "$(id -u)" = 0 ] || { echo "only root can enter a chroot; run this as root, or make dist for this system's packages" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }
mkdir -p "$1" "$2"
root=$(realpath "$1")
out=$(realpath "$2")
[ -x "$root/usr/bin/apt-get" ] || debootstrap --variant=minbase bullseye "$root"

mounted=()
leave() {
  for place in "${mounted[@]}"; do umount "$place"; done
}
trap leave EXIT
enter() {  # a folder of this machine within the chroot
  mkdir -p "$root$1"
  mountpoint -q "$root$1" || { mount --bind "$(realpath "$1")" "$root$1"; mounted=("$root$1" "${mounted[@]}"); }
}
enter /proc
enter /dev
if [ -d /usr/local/cuda ]; then enter /usr/local/cuda; fi
cp /etc/resolv.conf "$root/etc/"
certificates=/etc/ssl/certs/ca-certificates.crt  # this machine's, which may have a proxy's as well
if [ -e $certificates ]; then mkdir -p "$root/build" && cp $certificates "$root/build/certificates"; fi
rm -rf "$root/build/skein"
git clone -q "$source" "$root/build/skein"

cat >"$root/build/inside.sh" <<'INSIDE'
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
rm -rf /build/newer/tree
mkdir -p /build/newer/lists/partial /build/dist
cd /build/newer
sed 's/^deb \(.*\) bullseye /deb \1 bookworm /; p; s/^deb /deb-src /' /etc/apt/sources.list >sources.list
newer="-o Dir::Etc::sourcelist=/build/newer/sources.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=/build/newer/lists"

# PACKAGE VERSION COPYRIGHT: a package of the folder `tree`, so that dpkg knows what its files are.
install_tree() {
  mkdir -p tree/DEBIAN "tree/usr/share/doc/$1"
  cp "$3" "tree/usr/share/doc/$1/copyright"
  printf 'Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: nobody\nDescription: from Debian 12\n' \
    "$1" "$2" "$(dpkg --print-architecture)" >tree/DEBIAN/control
  dpkg-deb -b tree "$1.deb" >log
  dpkg -i "$1.deb" >log
  rm -rf tree
}
fetch() {  # SOURCE PACKAGE: its folder, $folder, and its version, $version
  apt-get $newer source -q --download-only "$1" >log 2>&1 || { cat log; exit 1; }
  rm -rf "$1" && mkdir "$1"
  tar -xf "$1"_*.orig.tar.* -C "$1" --strip-components 1
  tar -xf "$1"_*.debian.tar.* -C "$1"
  version=$(sed -n 's/^Version: //p' "$1"_*.dsc | head -n 1)
  folder=$1
}

packages="g++ make git ca-certificates dpkg-dev python3 python3-venv libdnnl-dev libjpeg-dev libwebp-dev libarchive-dev
  zlib1g-dev libssl-dev libopenmpi-dev openmpi-bin libbenchmark-dev libgtest-dev libgmock-dev libjs-d3"
if [ "$(cat done 2>log)" != "$packages" ]; then  # the list that is installed
  apt-get update -q
  apt-get install -q -y --no-install-recommends $packages
  if [ -e /build/certificates ]; then cp /build/certificates /etc/ssl/certs/ca-certificates.crt; fi
  python3 -m venv /build/cmake
  /build/cmake/bin/pip install -q 'cmake<4' ninja
  PATH=/build/cmake/bin:$PATH
  apt-get $newer update -q
  apt-get $newer download -q libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libstb-dev
  for deb in *-dev_*.deb; do dpkg-deb -x "$deb" /; done

  fetch fmtlib
  cmake -S $folder -B fmt -G Ninja -DBUILD_SHARED_LIBS=ON -DFMT_TEST=OFF -DFMT_DOC=OFF -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX=/usr >log
  DESTDIR=$PWD/tree cmake --build fmt --target install >log
  install_tree libfmt9 "$version" $folder/debian/copyright

  fetch libspng
  mkdir -p tree/usr/lib tree/usr/include
  cp $folder/spng/spng.h tree/usr/include
  gcc -O2 -fPIC -shared -Wl,-soname,libspng.so.0 -o tree/usr/lib/libspng.so.0 $folder/spng/spng.c -lz -lm
  ln -s libspng.so.0 tree/usr/lib/libspng.so
  install_tree libspng0 "$version" $folder/debian/copyright

  fetch cpp-httplib  # without TLS and Brotli: the server of skein view is for this machine's browser
  (cd $folder && python3 "$PWD/split.py" >/dev/null)
  mkdir -p tree/usr/lib tree/usr/include
  cp $folder/out/httplib.h tree/usr/include
  g++ -std=c++17 -O2 -fPIC -shared -Wl,-soname,libcpp-httplib.so.0 -o tree/usr/lib/libcpp-httplib.so.0 \
    $folder/out/httplib.cc -pthread
  ln -s libcpp-httplib.so.0 tree/usr/lib/libcpp-httplib.so
  install_tree libcpp-httplib0 "$version" $folder/debian/copyright
  echo "$packages" >done
fi

PATH=/build/cmake/bin:$PATH
cd /build/skein
cmake -S . -B /build/release -G Ninja -DCMAKE_BUILD_TYPE=Release
cmake --build /build/release --target skein
bash tools/dist.sh /build/release /build/dist TGZ wheel
INSIDE
rm -rf "$root/build/dist"
chroot "$root" bash /build/inside.sh
SYSTEM='debian 11' bash "$source/tests/package/glibc.sh" "$root/build/dist"/*.tar.gz "$root/build/dist"/*.whl
cp "$root/build/dist"/*.tar.gz "$root/build/dist"/*.whl "$out"
