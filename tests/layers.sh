#!/usr/bin/env bash
# Fails if a folder includes one above it:  kernels < engine < { models, data, cases, comm } < apps < tests,
# or if a vendor's header is named outside kernels/, MPI's or NCCL's outside comm/, or a number's type in models/.
set -u
allowed() {
  case $1 in
    kernels) echo "kernels" ;;
    engine) echo "kernels engine" ;;
    models | data | cases | comm) echo "kernels engine $1" ;;
    apps) echo "kernels engine models data cases comm apps" ;;
    tests) echo "kernels engine models data cases comm apps tests" ;;
  esac
}
bad=0
for folder in kernels engine models data cases comm apps tests; do
  for target in $(grep -rhoE '^#include "[a-z]+/' "$folder" | sed -E 's/.*"([a-z]+)\//\1/' | sort -u); do
    case " $(allowed "$folder") " in
      *" $target "*) ;;
      *) echo "$folder/ includes $target/, which is above it or beside it" && bad=1 ;;
    esac
  done
done
vendor=$(grep -rnE '#include [<"](dnnl|oneapi|cuda|cudnn|cublas)' engine models data cases comm apps && true)
[ -n "$vendor" ] && echo "only kernels/ may name a vendor's library: $vendor" && bad=1
transport=$(grep -rnE '#include [<"](mpi|nccl)' kernels engine models data cases apps && true)
[ -n "$transport" ] && echo "only comm/ may name MPI or NCCL: $transport" && bad=1
types=$(grep -rnE '\b(DType|Device|f32|bf16)\b' models && true)
[ -n "$types" ] && echo "models name no type and no device, engine/precision.h decides: $types" && bad=1
exit $bad
