"""Goodput under faults: samples that count per second with a SIGKILL per 20 rounds, against rounds without.

  goodput.py --skein build/release/skein [--peer VENV/bin/python3]
  goodput.py --skein build/release/skein --cost

Six processes with a quarter of a core each (machines.py). In every second block of 20 rounds one of them is killed, and
started again at once; each such block is held against the one before it. --peer: a Python with torch and torchft, whose
LocalSGD takes the same faults (torchft_peer.py). --cost: elastic rounds without faults against those of plain TCP; both
runs are there at the same time, and one is stopped (SIGSTOP) while the other's rounds are timed, by turns.
"""

import argparse
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(__file__))

from machines import Machines
from processes import Fault, Process, rounds_of

MEMBERS, CORES, BETWEEN = 6, 0.25, 20  # BETWEEN: rounds between two kills
STAY, STAY_CORES, BLOCK = 2, 0.9, 10  # without faults: members, a core of each but for what watches them; seconds
H, PEER_H, BATCH = 12, 8, 32  # local steps: rounds of both take about a second


def train(skein, run):
    """A run that does not end while it is watched."""
    return [skein, "train", "--model", "resnet20", "--data", "synthetic", "--synthetic-train", 20000, "--synthetic-test",
            30, "--synthetic-size", 16, "--batch", BATCH, "--epochs", 1000, "--threads", 1, "--device", "cpu",
            "--warmup-epochs", 0, "--lr", 0.01, "--sync", f"local:H={H}", "--out", run]


class Tcp:
    """The same run in processes that stay."""

    name = "tcp"

    def __init__(self, skein, folder, members):
        self.run, self.members = folder / "run", members
        self.command = [*train(skein, self.run), "--workers", members, "--bn-stats", "average", "--no-round-norms",
                        "--timeout", "60min"]

    def commands(self):
        port = str(20000 + random.randrange(10000))
        return [(self.command, {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(self.members),
                                "RANK": str(rank)}) for rank in range(self.members)]

    def rounds(self):
        return [(line["steps"] * BATCH * self.members, self.members)
                for line in rounds_of(self.run / "metrics.jsonl")]

    def samples(self):
        """Trained on so far: the log has a line for every step."""
        steps = (self.run / "metrics.jsonl").read_text().count('"type":"step"')
        return steps * BATCH * self.members

    def end(self):
        pass


class Skein:
    """An elastic run."""

    name = "skein"

    def __init__(self, skein, folder, members, grace="2s"):
        self.run, self.members = folder / "run", members
        self.command = [*train(skein, self.run), "--elastic", f"min=2,grace={grace}"]

    def commands(self):
        return [(self.command, {})] * self.members

    def rounds(self):
        """Merged samples and merged members of each."""
        return [(line["trained"], len(line["merged"])) for line in rounds_of(self.run / "membership.jsonl")]

    def samples(self):
        return sum(r[0] for r in self.rounds())

    def end(self):
        pass


class Watched:
    """The processes of a run, each on a machine of its own."""

    def __init__(self, peer, folder, cores):
        self.peer, self.folder = peer, folder
        self.commands = peer.commands()
        self.machines = Machines(len(self.commands), cores)
        self.live = [self.start(i) for i in range(len(self.commands))]

    def start(self, i):
        command, variables = self.commands[i]
        return Process(command, self.folder / f"{i}-{time.monotonic():.3f}.log", variables, self.machines.prefix(i))

    def end(self):
        for p in self.live:
            p.kill()
        self.peer.end()
        self.machines.remove()

    def samples_per_second(self, kill, dice):
        """In the next BETWEEN rounds, near whose beginning a process is killed; and how many members were merged."""
        first, begin, victim = len(self.peer.rounds()), time.monotonic(), None
        kill_at = begin + dice.uniform(0, 1)
        while len(self.peer.rounds()) < first + BETWEEN:
            time.sleep(0.02)
            if kill and victim is None and time.monotonic() >= kill_at:
                victim = dice.randrange(MEMBERS)
                self.live[victim].kill()
                self.live[victim] = self.start(victim)
        rounds, took = self.peer.rounds()[first:], time.monotonic() - begin
        return sum(r[0] for r in rounds) / took, sum(r[1] for r in rounds) / len(rounds), took / len(rounds)


def goodput(peer, pairs, dice, folder):
    """Of each pair of blocks, the ratio of their samples per second."""
    watched, ratios = Watched(peer, folder, CORES), []
    try:
        wait_for(lambda: peer.rounds() and peer.rounds()[-1][1] == MEMBERS, 240, watched.live)
        for _ in range(pairs):
            whole, _, seconds = watched.samples_per_second(False, dice)
            broken, members, broken_seconds = watched.samples_per_second(True, dice)
            ratios.append(broken / whole)
            print(f"  {peer.name}: {100 * ratios[-1]:.1f} %; {members:.2f} members a round with the kill, rounds of "
                  f"{seconds:.2f} and {broken_seconds:.2f} s", flush=True)
    finally:
        watched.end()
    return ratios


class Stopped:
    """A run that stands still but while it is timed."""

    def __init__(self, peer, log, folder):
        self.peer, self.log, self.watched = peer, peer.run / log, Watched(peer, folder, STAY_CORES)
        wait_for(lambda: len(peer.rounds()) > 5 and peer.rounds()[-1][1] == STAY, 240, self.watched.live)
        self.signal(signal.SIGSTOP)

    def signal(self, number):
        for p in self.watched.live:
            p.signal(number)

    def next_lines(self):
        """The time at which the log grows. What is in it then has just been computed."""
        before = self.log.stat().st_size
        while self.log.stat().st_size == before:
            time.sleep(0.002)
        return time.monotonic()

    def samples_per_second(self):
        self.signal(signal.SIGCONT)
        self.next_lines()  # of before it was stopped
        begin = end = self.next_lines()
        first = self.peer.samples()
        while end < begin + BLOCK:
            end = self.next_lines()
        rate = (self.peer.samples() - first) / (end - begin)
        self.signal(signal.SIGSTOP)
        return rate


def cost(arguments, folder):
    """Elastic rounds without faults against plain TCP, by turns: ratios of samples per second."""
    runs, ratios = [], []
    try:
        for kind, log, more in ((Tcp, "metrics.jsonl", ()), (Skein, "membership.jsonl", ("60min",))):
            own = folder / kind.name
            own.mkdir()
            runs.append(Stopped(kind(arguments.skein, own, STAY, *more), log, own))
        for pair in range(arguments.pairs):
            rates = {run: run.samples_per_second() for run in (runs if pair % 2 else reversed(runs))}
            ratios.append(rates[runs[1]] / rates[runs[0]])
            print(f"  {rates[runs[0]]:.1f} samples/s over TCP, {rates[runs[1]]:.1f} elastic", flush=True)
    finally:
        for run in runs:
            run.watched.end()
    return ratios


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
    parser.add_argument("--cost", action="store_true", help="of elastic rounds without faults, against plain TCP")
    parser.add_argument("--pairs", type=int, default=10, help="of blocks of 20 rounds")
    arguments = parser.parse_args()

    def say(name, ratios):
        print(f"{name}: median {100 * statistics.median(ratios):.1f} %, mean {100 * statistics.mean(ratios):.1f} % of "
              f"{len(ratios)} ({', '.join(f'{100 * r:.1f}' for r in ratios)})", flush=True)

    with tempfile.TemporaryDirectory(prefix="skein-chaos-") as scratch:
        folder = Path(scratch)
        if arguments.cost:
            return say("elastic rounds without faults, of plain TCP's samples per second", cost(arguments, folder))
        say("skein, of its samples per second without faults",
            goodput(Skein(arguments.skein, folder, MEMBERS), arguments.pairs, random.Random(1), folder))
        if arguments.peer:
            import torchft_peer
            peer = torchft_peer.Torchft(arguments.peer, folder, MEMBERS, PEER_H, BATCH)
            say("torchft, of its samples per second without faults",
                goodput(peer, arguments.pairs, random.Random(1), folder))


if __name__ == "__main__":
    main()
