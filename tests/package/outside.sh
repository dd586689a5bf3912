#!/usr/bin/env bash
# outside.sh PLACE: a project of one's own that uses skein, built in PLACE and run: with g++ and clang++, from an installed
# copy (find_package) and from the sources (add_subdirectory), without CUDA and, where nvcc is found, with it. examples/
# is that project. The installed copies are built by g++.
set -euo pipefail
mkdir -p "$1"
place=$(realpath "$1")
source=$(cd "$(dirname "$0")/../.." && pwd)
backends=off
if command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ]; then backends="off on"; else echo "no nvcc: without CUDA alone"; fi

quietly() {
  "$@" >"$place/log" 2>&1 || { tail -40 "$place/log"; echo "failed: $*"; exit 1; }
}
mkdir -p "$place/project"
cp "$source"/examples/* "$place/project"
printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(within LANGUAGES CXX)' "add_subdirectory($source skein)" \
  "add_subdirectory($place/project project)" >"$place/CMakeLists.txt"

for cuda in $backends; do
  quietly cmake -G Ninja -S "$source" -B "$place/skein-$cuda" -DSKEIN_CUDA="$cuda" -DCMAKE_CXX_COMPILER=g++
  quietly cmake --build "$place/skein-$cuda" --target skein
  quietly cmake --install "$place/skein-$cuda" --prefix "$place/prefix-$cuda"
  for compiler in g++ clang++; do
    for way in find_package add_subdirectory; do
      build=$place/$way-$compiler-$cuda
      if [ $way = find_package ]; then
        quietly cmake -G Ninja -S "$place/project" -B "$build" -DCMAKE_PREFIX_PATH="$place/prefix-$cuda" \
          -DCMAKE_CXX_COMPILER=$compiler -DCMAKE_RUNTIME_OUTPUT_DIRECTORY="$build"
      else
        quietly cmake -G Ninja -S "$place" -B "$build" -DSKEIN_CUDA="$cuda" -DCMAKE_CXX_COMPILER=$compiler \
          -DCMAKE_BUILD_TYPE=Release -DCMAKE_RUNTIME_OUTPUT_DIRECTORY="$build"
      fi
      quietly cmake --build "$build" --target example_local_sgd example_mlp example_custom_schedule example_own_dataset
      for example in local_sgd mlp custom_schedule own_dataset; do
        quietly "$build/example_$example"
        cp "$place/log" "$build/$example.txt"
        cmp "$build/$example.txt" "$place/find_package-g++-off/$example.txt" ||
          { echo "$build/example_$example prints something else"; exit 1; }
      done
      echo "$way, $compiler, CUDA $cuda: built, and four examples print the same"
    done
  done
done
