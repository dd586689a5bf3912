#!/usr/bin/env bash
# nccl.sh SKEIN: two processes that share one GPU and meet over TCP, their models averaged by the real NCCL: the
# checkpoint has the bits of two threads of one process. NCCL refuses two ranks on one GPU of a host, so each process
# says that it is a host of its own (NCCL_HOSTID); they then talk through sockets. Exit status 77: there is no GPU or no
# NCCL; 1 if SKEIN_REQUIRE_GPU says that there must be.
set -uo pipefail
skein=$1
source "$(dirname "$0")/need_gpu.sh"
need_gpu "$skein"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Heuristics choose the convolutions: what is measured may differ between two runs.
run() {
  "$skein" train --device cuda --conv cudnn --model resnet8 --data synthetic --synthetic-train 640 --synthetic-test 64 \
    --epochs 2 --batch 16 --lr 0.05 --threads 1 --sync local:H=3 "$@"
}
export MASTER_ADDR=127.0.0.1 NCCL_SOCKET_IFNAME=lo NCCL_IB_DISABLE=1
for compress in none ef-sign; do
  threads=$work/threads-$compress processes=$work/processes-$compress
  run --compress $compress --workers 2 --out "$threads" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  export MASTER_PORT=$((20000 + RANDOM % 20000)) WORLD_SIZE=2
  pids=()
  for rank in 0 1; do
    RANK=$rank NCCL_HOSTID=host$rank run --compress $compress --out "$processes" >"$work/rank$rank" 2>&1 &
    pids+=($!)
  done
  status=0
  for pid in "${pids[@]}"; do wait "$pid" || status=$?; done
  unset WORLD_SIZE MASTER_PORT
  if [ $status -ne 0 ]; then
    cat "$work"/rank?
    grep -q 'NCCL 2 cannot be opened' "$work"/rank? && absent "there is no NCCL"
    exit 1
  fi
  for file in model worker-0 worker-1; do
    cmp "$threads/checkpoints/last/$file.safetensors" "$processes/checkpoints/last/$file.safetensors" || exit 1
  done
  echo "two processes over NCCL, $compress: the checkpoint of two threads"
done
