#!/usr/bin/env bash
# check.sh BUILD [COMPILER]: installs BUILD, moves the installed tree, and uses it as an outside project would: examples/
# and all public headers through find_package(skein), built by COMPILER (clang++ where there is one), and the program.
# Configures tests/package/within, which takes skein's sources by add_subdirectory.
set -euo pipefail
build=$(realpath "$1")
compiler=${2:-$(command -v clang++ || command -v g++)}
source=$(cd "$(dirname "$0")/../.." && pwd)
place=$build/package
rm -rf "$place"
mkdir -p "$place/project"

cmake --install "$build" --prefix "$place/first" >"$place/log"
old=$place/first/include/skein/old.h
touch "$old"
cmake --install "$build" --prefix "$place/first" >"$place/log"
[ ! -e "$old" ] || { echo "$old of an older version is left"; exit 1; }
mv "$place/first" "$place/prefix"

cp -r "$source/examples/." "$place/project"
grep -v '^#' "$source/cmake/public_headers.txt" | grep -v check_in_cuda | sed 's/.*/#include "&"/' >"$place/project/headers.cpp"
echo 'add_library(headers OBJECT headers.cpp)
target_link_libraries(headers PRIVATE skein::skein)' >>"$place/project/CMakeLists.txt"
cmake -S "$place/project" -B "$place/outside" -DCMAKE_PREFIX_PATH="$place/prefix" -DCMAKE_CXX_COMPILER="$compiler" \
  >>"$place/log" || { cat "$place/log"; exit 1; }
cmake --build "$place/outside" -j 2 >>"$place/log" 2>&1 || { tail -40 "$place/log"; exit 1; }
for example in local_sgd mlp custom_schedule own_dataset kernel_ladder; do
  "$place/outside/example_$example" >"$place/$example.txt" || { echo "example_$example failed"; exit 1; }
done
grep -q 'step 1500 .* right 100.0 %' "$place/mlp.txt"
grep -q 'shrinking rounds *33 averagings' "$place/custom_schedule.txt"
grep -q 'epoch 3 .* top-1 100.0 %' "$place/own_dataset.txt"

"$place/prefix/bin/skein" --version | tee "$place/version"
grep -qx "program $place/prefix/bin/skein" "$place/version"
tiny=(train --model resnet8 --data synthetic --synthetic-train 32 --synthetic-test 8 --synthetic-size 8 --batch 8 --epochs 1)
"$place/prefix/bin/skein" "${tiny[@]}" --out "$place/run" >>"$place/log"
if [ -e "$place/prefix/lib/skein/libskein_view.so" ]; then
  status=0
  timeout 3 "$place/prefix/bin/skein" view "$place/run" --port 0 >"$place/view" || status=$?
  [ $status = 124 ] && grep -q 'http://127.0.0.1:' "$place/view" || { echo "skein view does not start"; exit 1; }
fi
if [ -e "$place/prefix/lib/skein/libskein_mpi.so" ] && command -v mpirun >/dev/null; then
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
    mpirun -np 2 "$place/prefix/bin/skein" "${tiny[@]}" --workers 2 --out "$place/mpi-run" >>"$place/log" 2>&1
  grep -q 'workers *2' "$place/log" || { tail -20 "$place/log"; exit 1; }
fi

if "$place/prefix/bin/skein" --version | grep -q 'cuda.*built without'; then
  mkdir "$place/asks"
  printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(asks LANGUAGES NONE)' \
    'find_package(skein REQUIRED COMPONENTS cuda)' >"$place/asks/CMakeLists.txt"
  ! cmake -S "$place/asks" -B "$place/asks/build" -DCMAKE_PREFIX_PATH="$place/prefix" >"$place/asks/log" 2>&1
  tr -s ' \n' ' ' <"$place/asks/log" | grep -q "in $place/prefix, was built without 'cuda'" || { cat "$place/asks/log"; exit 1; }
fi

cmake -S "$source/tests/package/within" -B "$place/within" -DSKEIN_CUDA=off >>"$place/log" 2>&1 ||
  { tail -40 "$place/log"; exit 1; }
