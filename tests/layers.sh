#!/usr/bin/env bash
# Fails if a folder includes one that stands below it in the house (the list of docs/architecture.md), subfolders
# included; if a vendor's header is named outside kernels/cpu, kernels/cuda and kernels/emulator, MPI's or NCCL's
# outside comm/transports; or if a number's type is named in models/.
set -uf
# FOLDER: the folders whose files it may include beside its own. `name` is that folder alone, `name/*` its subfolders
# too. Headers keep to this. A source may also include the subfolders of its own folder: it is where they are put
# together.
rules='
base:
base/formats: base
base/statistics: base
base/terminal: base
kernels: base/*
kernels/device: base/* kernels
kernels/cpu/dialect: base/* kernels kernels/device
kernels/cpu: base/* kernels kernels/device kernels/cpu/dialect
kernels/cpu/device: base/* kernels kernels/device kernels/cpu kernels/cpu/dialect
kernels/cpu/conv: base/* kernels kernels/device kernels/cpu kernels/cpu/dialect
kernels/cuda/dialect: base/* kernels kernels/device kernels/emulator
kernels/cuda: base/* kernels kernels/device kernels/cuda/dialect kernels/emulator
kernels/cuda/device: base/* kernels kernels/device kernels/cuda kernels/cuda/dialect kernels/emulator
kernels/cuda/conv: base/* kernels kernels/device kernels/cuda/dialect kernels/emulator
kernels/cuda/cudnn: base/* kernels kernels/device kernels/cuda kernels/cuda/conv kernels/cuda/dialect
kernels/cuda/cublas: base/* kernels kernels/device kernels/cuda kernels/cuda/dialect
kernels/emulator: base/* kernels kernels/device
kernels/reference: base/* kernels kernels/device
engine: base/* kernels kernels/device
engine/onnx: base/* kernels kernels/device engine
engine/ops: base/* kernels kernels/device engine
cases: base/* kernels kernels/device kernels/cuda kernels/cuda/conv kernels/reference engine
models: base/* kernels kernels/device engine
data: base/* kernels kernels/device engine
data/augment: base/* kernels kernels/device
data/image: base/*
data/image/jpeg: base/* data/image
data/formats/folders: base/* kernels kernels/device engine data data/image
data/formats: base/* kernels kernels/device engine data data/image data/formats/folders
data/loading: base/* kernels kernels/device engine data data/augment data/image data/formats data/formats/folders
comm: base/* kernels kernels/device engine
comm/sockets: base/* kernels kernels/device engine comm
comm/transports: base/* kernels kernels/device engine comm comm/sockets
comm/elastic: base/* kernels kernels/device engine comm comm/sockets comm/transports
local_sgd: base/* kernels kernels/device engine comm
train/config: base/* kernels kernels/device engine models data/* comm local_sgd
train/machine: base/* kernels kernels/device engine models data/* comm local_sgd train/config
train/weights: base/* kernels kernels/device engine models data/* comm local_sgd train/config
train/evaluation: base/* kernels kernels/device engine models data/* comm local_sgd train/config
train: base/* kernels kernels/device engine models data/* comm local_sgd train/config train/machine train/weights train/evaluation
train/geometry: base/* kernels kernels/device engine models data/* comm local_sgd train train/config train/machine train/weights train/evaluation
train/log: base/* kernels kernels/device engine models data/* comm local_sgd train train/config train/machine train/weights train/evaluation
train/run: base/* kernels kernels/device engine models data/* comm local_sgd train train/config train/machine train/weights train/evaluation train/log
train/elastic: base/* kernels kernels/device engine models data/* comm/* local_sgd train train/config train/machine train/weights train/evaluation train/log train/run
apps: base/* kernels kernels/device engine engine/onnx cases models data/* comm local_sgd train/*
apps/model: base/* kernels kernels/device engine engine/onnx cases models data/* comm local_sgd train/* apps apps/page
apps/bench: base/* kernels kernels/device engine cases models data/* comm local_sgd train/* apps
apps/page: base/* train/* apps
apps/runs: base/* train/* apps apps/page
apps/plan: base/* kernels kernels/device engine models train/* apps
apps/sweep: base/* comm local_sgd train/* apps
apps/reproduce: base/* data comm local_sgd train/* apps apps/model apps/sweep
'
bad=0
say() { echo "$1"; bad=1; }

while IFS=: read -r folder above; do
  [ -n "$folder" ] || continue
  for file in $(find "$folder" -maxdepth 1 -name "*.h" -o -maxdepth 1 -name "*.cpp" -o -maxdepth 1 -name "*.cu"); do
    for target in $(sed -nE 's/^#include "([a-z_/]+)\/[^/"]+".*/\1/p' "$file" | sort -u); do
      [ "$target" = "$folder" ] && continue
      [[ $file == *.cpp && $target == "$folder"/* ]] && continue
      found=no
      for allowed in $above; do
        if [ "$target" = "${allowed%/\*}" ]; then found=yes; fi
        case $allowed in *'/*') [[ $target == "${allowed%\*}"* ]] && found=yes ;; esac
      done
      [ $found = yes ] || say "$file includes $target/, which does not stand above $folder/"
    done
  done
done <<<"$rules"

# Every folder with sources has a line above.
for folder in $(git ls-files '*.cpp' '*.h' '*.cu' 2>/dev/null | grep -vE '^(tests|examples|cmake)/' | xargs -rn1 dirname | sort -u); do
  grep -q "^$folder:" <<<"$rules" || say "$folder/ has no line in tests/layers.sh"
done
vendor=$(grep -rnE '#include [<"](dnnl|oneapi|cuda|cudnn|cublas)' base engine cases models data comm local_sgd train apps $(ls kernels | sed -n "s,.*[.]h$,kernels/&,p") kernels/device)
[ -z "$vendor" ] || say "only kernels/cpu, kernels/cuda and kernels/emulator may name a vendor's library: $vendor"
transport=$(grep -rnE '#include [<"](mpi|nccl)' base kernels engine cases models data comm/communicator.h $(ls comm | sed -n "s,.*[.]\(h\|cpp\)$,comm/&,p") local_sgd train apps)
[ -z "$transport" ] || say "only comm/transports may name MPI or NCCL: $transport"
types=$(grep -rnE '\b(DType|Device|f32|bf16)\b' models)
[ -z "$types" ] || say "models name no type and no device, engine/precision.h decides: $types"
exit $bad
