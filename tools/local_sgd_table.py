#!/usr/bin/env python3
"""The paper's comparison in small: five runs of one model with the same samples per worker and the same learning-rate
rule, then a table of test accuracy, rounds, bytes and simulated time.

  tools/local_sgd_table.py --data cifar10.skein --out runs/table [--workers 16] [--epochs 12] [--model resnet8]

It can be stopped at any time; the same command resumes each run exactly. With --next it ends after one run; the table
then contains the finished runs. Times are those of skein clock; its network model is in local_sgd/network_model.h."""
import argparse
import json
import os
import subprocess
import sys

RUNS = {  # name: flags of its own
    "mini-batch": ["--sync", "minibatch"],
    "large batch, 4 x": ["--sync", "minibatch", "--batch", "512"],
    "local H=4": ["--sync", "local:H=4"],
    "post-local H=16": ["--sync", "post-local:H=16"],
    "post-local H=16, ef-sign": ["--sync", "post-local:H=16", "--compress", "ef-sign"],
}
NETWORKS = {"10 Gbit/s": "10Gbit,200us", "1 Gbit/s": "1Gbit,200us"}


def records(folder, kind):
    with open(os.path.join(folder, "metrics.jsonl")) as lines:
        return [r for r in map(json.loads, lines) if r["type"] == kind]


def is_done(folder, epochs):
    if not os.path.isfile(os.path.join(folder, "metrics.jsonl")):
        return False
    done = records(folder, "epoch")
    return bool(done) and done[-1]["epoch"] == epochs


def train(args, folder, flags):
    if os.path.isdir(os.path.join(folder, "checkpoints", "last")):
        command = [args.skein, "train", "--resume", folder]
    else:
        command = [args.skein, "train", "--out", folder, "--model", args.model, "--data", args.data,
                   "--workers", str(args.workers), "--epochs", str(args.epochs), "--batch", "128",
                   "--lr", str(args.lr), "--base-batch", "128", "--warmup-epochs", str(args.warmup_epochs),
                   "--bn-stats", "moments", *flags]
    status = subprocess.run(command).returncode
    if status:
        sys.exit(f"{folder}: skein ended with status {status}; the same command goes on from here")


def simulated_seconds(skein, folder, network):
    clock = subprocess.run([skein, "clock", folder, "--net", network, "--json"], check=True, capture_output=True)
    return json.loads(clock.stdout)["seconds"]


def row(args, name, folder):
    epoch = records(folder, "epoch")[-1]
    rounds = epoch["rounds"]
    times = [simulated_seconds(args.skein, folder, network) for network in NETWORKS.values()]
    return [name, f"{epoch['train_loss']:.3f}", f"{epoch['test_top1']:.2f}", f"{epoch['local_test_top1']:.2f}",
            str(rounds["world"] + rounds["block"]), f"{rounds['bytes'] / 1e6:.1f}", *(f"{t:.1f}" for t in times)]


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--skein", default="build/release/skein")
    args.add_argument("--data", required=True)
    args.add_argument("--out", required=True)
    args.add_argument("--model", default="resnet8")
    args.add_argument("--workers", type=int, default=16)
    args.add_argument("--epochs", type=int, default=12)
    args.add_argument("--lr", type=float, default=0.1, help="for a batch of 128; scaled by workers x batch / 128")
    args.add_argument("--warmup-epochs", type=float, default=3)
    args.add_argument("--next", action="store_true", help="end after the next run")
    args = args.parse_args()
    os.makedirs(args.out, exist_ok=True)
    table = [["", "train loss", "top-1 %", "local %", "rounds", "MB sent", *(f"s at {n}" for n in NETWORKS)]]
    trained = False
    for name, flags in RUNS.items():
        folder = os.path.join(args.out, name.replace(" ", "-").replace(",", ""))
        if not is_done(folder, args.epochs):
            if trained and args.next:
                continue
            train(args, folder, flags)
            trained = True
        table.append(row(args, name, folder))
    print(f"\n{args.model}, {args.workers} workers, {args.epochs} epochs. top-1: the averaged model; local: mean of the"
          " workers' own; MB: by one worker; s: simulated")
    widths = [max(len(r[i]) for r in table) for i in range(len(table[0]))]
    for r in table:
        print("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(r, widths))))


main()
