"""Accuracy under faults: ResNet-20 with six members, with and without a SIGKILL per 20 rounds, several seeds each.

  accuracy.py --skein build/release/skein --data cifar10.skein --out DIR [--epochs 10] [--seeds 3]

A process that was killed is started again at once. Runs that are complete are not trained again.
"""

import argparse
import csv
import os
import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(__file__))

import processes
from processes import Fault, Process

MEMBERS, BETWEEN, H, BATCH = 6, 20, 8, 32


def command(a, run, seed):
    return [a.skein, "train", "--model", "resnet20", "--data", a.data, "--epochs", a.epochs, "--batch", BATCH, "--lr",
            0.1, "--base-batch", 128, "--warmup-epochs", 1, "--seed", seed, "--device", "cpu", "--threads", 1, "--sync",
            f"local:H={H}", "--elastic", "min=2,grace=10s", "--out", run]


def lines(run):
    try:
        return (run / "membership.jsonl").read_text().count('"type":"round"')
    except OSError:
        return 0


def train(a, run, seed, with_faults):
    """Returns the kills."""
    if run.exists() and len(processes.summary_epochs(run)) == a.epochs:
        return sum("SIGKILL" in line for line in (a.out / f"{run.name}.kills").read_text().splitlines())
    dice, kills, started = random.Random(seed), 0, 0
    record = open(a.out / f"{run.name}.kills", "w")

    def start():
        nonlocal started
        started += 1
        return Process(command(a, run, seed), a.out / f"{run.name}-{started}.log")

    live = [start() for _ in range(MEMBERS)]
    next_kill = BETWEEN
    while any(p.status() is None for p in live):
        time.sleep(0.05)
        bad = [p for p in live if p.status() not in (None, 0)]
        if bad:
            raise Fault(bad[0].text())
        if with_faults and lines(run) >= next_kill and all(p.status() is None for p in live):
            i = dice.randrange(MEMBERS)
            live[i].kill()
            live[i] = start()
            kills += 1
            next_kill = lines(run) + BETWEEN
            print(f"round {lines(run)}: SIGKILL to {i}", file=record, flush=True)
    return kills


def last_accuracy(run):
    with open(run / "summary.csv", newline="") as file:
        return float(list(csv.DictReader(file))[-1]["test_top1"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skein", required=True, type=Path)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    results = {}
    for seed in range(a.seeds):
        for with_faults in (False, True):
            run = a.out / f"{'faults' if with_faults else 'none'}-{seed}"
            kills = train(a, run, seed, with_faults)
            results.setdefault(with_faults, []).append(last_accuracy(run))
            print(f"{run.name}: {results[with_faults][-1]:.2f} %, {kills} kills in {lines(run)} rounds", flush=True)
    for with_faults, values in results.items():
        print(f"{'a SIGKILL per 20 rounds' if with_faults else 'no faults':24} {statistics.mean(values):.2f} "
              f"+- {statistics.stdev(values) if len(values) > 1 else 0:.2f} %")


if __name__ == "__main__":
    main()
