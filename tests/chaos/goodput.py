"""Goodput under faults: samples that count per second with a SIGKILL per 20 rounds, against a run without faults.

  goodput.py --skein build/release/skein [--peer VENV/bin/python3]

Six processes with a quarter of a core each (machines.py). A process that was killed is started again at once. Runs with and
without faults alternate. --peer: a Python with torch and torchft, whose LocalSGD takes the same faults
(torchft_peer.py).
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(__file__))

import processes
from machines import Machines
from processes import Fault, Process

MEMBERS, CORES, BETWEEN = 6, 0.25, 20  # BETWEEN: rounds between two kills
H, PEER_H, BATCH = 32, 8, 32  # local steps: rounds of both take about a second


class Skein:
    """An elastic run that does not end while it is watched."""

    name = "skein"

    def __init__(self, skein, folder):
        self.run = folder / "run"
        self.command = [skein, "train", "--model", "resnet8", "--data", "synthetic", "--synthetic-train", 50000,
                        "--synthetic-test", 30, "--synthetic-size", 16, "--batch", BATCH, "--epochs", 1000, "--threads",
                        1, "--device", "cpu", "--warmup-epochs", 0, "--lr", 0.01, "--sync", f"local:H={H}", "--elastic",
                        "min=2,grace=2s", "--out", self.run]

    def commands(self):
        return [(self.command, {})] * MEMBERS

    def rounds(self):
        """Of each: its number of merged samples and of merged members."""
        try:
            text = (self.run / "membership.jsonl").read_text()
        except OSError:
            return []
        lines = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
        return [(line["trained"], len(line["merged"])) for line in lines if line["type"] == "round"]

    def end(self):
        pass


def watch(peer, seconds, with_faults, dice, folder, progress):
    """Samples that count per second, kills, and the longest time of a killed process until it counts again."""
    machines = Machines(MEMBERS, CORES)
    commands = peer.commands()
    live = []

    def start(i):
        command, variables = commands[i]
        return Process(command, folder / f"{i}-{time.monotonic():.3f}.log", variables, machines.prefix(i))

    try:
        live = [start(i) for i in range(MEMBERS)]
        wait_for(lambda: peer.rounds() and peer.rounds()[-1][1] == MEMBERS, 240, live)
        first, begin = len(peer.rounds()), time.monotonic()
        kills, away, waits = 0, None, []
        next_kill = first + BETWEEN
        while time.monotonic() - begin < seconds:
            rounds = peer.rounds()
            if away and len(rounds) > away[1] and rounds[-1][1] == MEMBERS:
                waits.append(len(rounds) - 1 - away[1])
                away = None
            if with_faults and len(rounds) >= next_kill:
                i = dice.randrange(MEMBERS)
                time.sleep(dice.uniform(0, 1))
                live[i].kill()
                live[i] = start(i)
                kills += 1
                next_kill, away = len(rounds) + BETWEEN, (i, len(peer.rounds()))
            time.sleep(0.02)
        rounds, took = peer.rounds()[first:], time.monotonic() - begin
        progress(f"{peer.name}: {len(rounds)} rounds, {took / len(rounds):.2f} s each, {kills} kills, "
                 f"{sum(r[1] for r in rounds) / len(rounds):.2f} members a round, rounds without it: {waits}")
        return sum(r[0] for r in rounds) / took
    finally:
        for p in live:
            p.kill()
        peer.end()
        machines.remove()


def wait_for(condition, seconds, live):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end or any(p.status() is not None for p in live):
            raise Fault("the run has not begun:\n" + "\n".join(p.text()[-2000:] for p in live))
        time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skein", required=True, type=Path)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--seconds", type=float, default=90, help="of each run")
    parser.add_argument("--pairs", type=int, default=3)
    arguments = parser.parse_args()
    makers = [lambda folder: Skein(arguments.skein, folder)]
    if arguments.peer:
        import torchft_peer
        makers.append(lambda folder: torchft_peer.Torchft(arguments.peer, folder, MEMBERS, PEER_H, BATCH))
    rates = {}
    for pair in range(arguments.pairs):
        for make in makers:
            for with_faults in (False, True):
                with tempfile.TemporaryDirectory(prefix="skein-chaos-") as folder:
                    peer = make(Path(folder))
                    rate = watch(peer, arguments.seconds, with_faults, random.Random(pair), Path(folder),
                                 lambda line: print("  " + line, flush=True))
                rates.setdefault((peer.name, with_faults), []).append(rate)
    for name in dict(rates):
        if name[1]:
            ratios = [b / a for a, b in zip(rates[name[0], False], rates[name])]
            print(f"{name[0]:8} goodput {100 * statistics.median(ratios):.1f} % of a run without faults "
                  f"({', '.join(f'{100 * r:.1f}' for r in ratios)})")


if __name__ == "__main__":
    main()
