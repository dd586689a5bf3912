#!/usr/bin/env bash
# Eight workers on one GPU and on all of them, one and several at a time: the same bits, and the time of each.
#   gpu/several.sh SKEIN     SKEIN: the program, built for these GPUs
# Needs two GPUs or more, of one model, whose number divides 8. Exit status: 0 the bits are the same; 1 they are not.
set -euo pipefail
skein=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run=(train --device cuda --dtype bf16 --conv cudnn --model resnet20 --data synthetic --synthetic-train 16384
  --synthetic-test 512 --batch 128 --workers 8 --sync local:H=4 --epochs 4)

timed() {  # NAME COMMAND...
  local name=$1 begin
  shift
  begin=$(date +%s%N)
  "$@" >"$work/$name.log" 2>&1 || { cat "$work/$name.log"; echo "$name: status $?"; exit 1; }
  grep '^gpus' "$work/$name.log" || true
  printf '%-10s %6d ms\n' "$name" $((($(date +%s%N) - begin) / 1000000))
}

timed warm "$skein" "${run[@]}" --limit-steps 8 --out "$work/warm"
timed one "$skein" "${run[@]}" --gpus 1 --out "$work/one"
timed all "$skein" "${run[@]}" --gpus all --out "$work/all"
timed crowded "$skein" "${run[@]}" --gpus all --parallel 8 --out "$work/crowded"
for other in all crowded; do
  for worker in 0 1 2 3 4 5 6 7; do
    file=checkpoints/last/worker-$worker.safetensors
    cmp "$work/one/$file" "$work/$other/$file" || { echo "worker $worker has other bits on several GPUs"; exit 1; }
  done
done
echo "the same bits on one GPU and on several"
