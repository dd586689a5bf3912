"""Elastic runs under schedules of faults (schedule.py): each must end in bounded time, and equal its replay to the bit.

  elastic.py --skein build/release/skein --schedules 200 --faults kill=1.5s,stall=3s,seed=1

Six processes begin; a process that was killed, or that has ended without a majority, is started again by the same
command, as a job's supervisor would. Afterwards: no process has ended otherwise, every sample was merged once in every
epoch, summary.csv has every epoch once, the last checkpoint is of the last round and whole, and `skein train --replay`
repeats every round to the same bits.
"""

import argparse
import collections
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(__file__))

import processes
import schedule
from hosts import INTERFACE, Hosts
from processes import Fault, Process

GRACE = 0.4      # seconds
MEMBERS = 6
SAMPLES = 4000
EPOCHS = 3
BOUND = 120      # seconds within which a run has ended
FAULTS_END = 20  # seconds after which there are no faults any more
DEFAULT = "kill=1.5s,chair=4s,stall=2s,partition=4s,join=6s,survivor=12s,all=15s,corrupt=20s"


def command(skein, run, interface):
    elastic = f"min=1,grace={int(1000 * GRACE)}ms" + (f",interface={interface}" if interface else "")
    return [skein, "train", *processes.SMALL, "--synthetic-train", SAMPLES, "--epochs", EPOCHS, "--batch", 8, "--sync",
            "local:H=2", "--elastic", elastic, "--timeout", "2s", "--keep", 3, "--out", run]


class Supervisor:
    """Starts the processes of a run, does to them what the schedule says, and starts again those that have ended."""

    def __init__(self, skein, folder, hosts):
        self.run, self.folder, self.hosts = folder / "run", folder, hosts
        self.command = command(skein, self.run, INTERFACE if hosts else "")
        self.live, self.due, self.started = [], [], 0
        self.healing = 0  # when a partition ends
        self.counts = collections.Counter()
        self.complete = False

    def start(self):
        prefix = self.hosts.prefix(self.started % self.hosts.number) if self.hosts else ()
        self.live.append(Process(self.command, self.folder / f"process-{self.started}.log", prefix=prefix))
        self.started += 1

    def restart_later(self, after):
        self.due.append((time.monotonic() + after, Supervisor.start))

    def chair(self):
        try:
            number = int(json.loads((self.run / "chair.json").read_text())["process"].split()[1])
        except (OSError, ValueError, KeyError, IndexError):
            return None
        return next((p for p in self.live if p.pid == number), None)

    def kill(self, victims, dice):
        for p in victims:
            p.kill()
            self.live.remove(p)
            self.counts["processes killed"] += 1
            self.restart_later(dice.random())

    def corrupt(self, dice):
        files = [f for f in (self.run / "checkpoints/last").glob("*") if f.name != "SHA256SUMS" and f.stat().st_size]
        if not files:
            return
        path = dice.choice(files)
        data = bytearray(path.read_bytes())
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        path.write_bytes(data)

    def apply(self, event):
        if not self.live:
            return
        dice = random.Random(event.draw)
        one = dice.choice(self.live)
        self.counts[event.kind] += 1
        if event.kind == "kill":
            self.kill([one], dice)
        elif event.kind == "chair":
            self.kill([self.chair() or one], dice)
        elif event.kind == "survivor":
            self.kill([p for p in self.live if p is not one], dice)
        elif event.kind in ("all", "corrupt"):
            self.kill(list(self.live), dice)
            if event.kind == "corrupt":
                self.corrupt(dice)
        elif event.kind == "join":
            self.start()
        elif event.kind == "stall":
            one.signal(signal.SIGSTOP)
            self.due.append((time.monotonic() + event.length * GRACE, lambda _: one.signal(signal.SIGCONT)))
        elif event.kind == "partition" and self.hosts:
            self.hosts.part(set(dice.sample(range(self.hosts.number), dice.randint(1, self.hosts.number - 1))))
            self.healing = time.monotonic() + event.length * GRACE

    def collect(self):
        """Takes those that have ended."""
        for p in [p for p in self.live if p.status() is not None]:
            self.live.remove(p)
            text = p.text()
            if p.status() == 0:
                self.complete = True
            elif p.status() == 1 and "has saved the consensus" in text:
                self.counts["left without a majority"] += 1
            elif p.status() == 1 and "none lets this process in" in text:
                self.counts["found nobody"] += 1
            else:
                raise Fault(f"{p.log}: status {p.status()}:\n{text}")
            if not self.complete:
                self.restart_later(0.1)

    def work(self, events):
        begin = time.monotonic()
        for _ in range(MEMBERS):
            self.start()
        events = collections.deque(events)
        while self.live or (self.due and not self.complete):
            now = time.monotonic()
            if now - begin > BOUND:
                for p in self.live:
                    p.signal(signal.SIGCONT)
                    p.signal(signal.SIGQUIT)
                time.sleep(1)
                raise Fault(f"the run has not ended within {BOUND} s:\n" + "\n".join(p.text() for p in self.live))
            while events and events[0].at <= now - begin and not self.complete:
                self.apply(events.popleft())
            for item in [d for d in self.due if d[0] <= now]:
                self.due.remove(item)
                if not (self.complete and item[1] is Supervisor.start):
                    item[1](self)
            if self.healing and now >= self.healing:
                self.hosts.part(())
                self.healing = 0
            self.collect()
            time.sleep(0.003)
        if not self.complete:
            raise Fault("no process is left, and the run is not complete")
        return time.monotonic() - begin

    def end(self):
        for p in self.live:
            p.kill()


def judge(skein, run):
    """Holds the run's files against each other and against its replay. Returns the number of rounds."""
    lines = processes.lines_of(run / "membership.jsonl")
    rounds = [line for line in lines if line["type"] == "round"]
    merged = sum(s for r in rounds for m, s in zip(r["members"], r["samples"]) if m in r["merged"])
    if merged != EPOCHS * SAMPLES:
        raise Fault(f"{run}: {merged} samples were merged, not {EPOCHS * SAMPLES}")
    if processes.summary_epochs(run) != list(range(1, EPOCHS + 1)):
        raise Fault(f"{run}/summary.csv has the epochs {processes.summary_epochs(run)}")
    progress = json.loads((run / "checkpoints/last/progress.json").read_text())
    if progress["rounds"]["world"] != len(rounds):
        raise Fault(f"{run}: the last checkpoint is of round {progress['rounds']['world']} of {len(rounds)}")
    shutil.rmtree(run / "checkpoints/last.damaged", ignore_errors=True)  # set aside, as it should be
    processes.check([skein, "verify", run], run.parent / "verify.log")
    text = processes.check([skein, "train", "--replay", run], run.parent / "replay.log")
    if f"{len(rounds)} rounds repeated" not in text or "not complete" in text:
        raise Fault(f"{run}: replay says:\n{text}")
    return len(rounds), sum(bool(r["lost"]) for r in rounds)


def one(skein, seed, means, hosts, folder):
    folder.mkdir(parents=True)
    supervisor = Supervisor(skein, folder, hosts)
    try:
        seconds = supervisor.work(schedule.draw(means, seed, FAULTS_END))
        rounds, with_losses = judge(skein, supervisor.run)
    except Fault as fault:
        raise Fault(f"seed {seed}: {fault}") from None
    finally:
        supervisor.end()
    return supervisor.counts + collections.Counter(
        {"seconds": round(seconds, 1), "rounds": rounds, "rounds that lost a member": with_losses,
         "processes started": supervisor.started})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skein", required=True, type=Path)
    parser.add_argument("--schedules", type=int, default=200)
    parser.add_argument("--faults", default=DEFAULT)
    parser.add_argument("--keep", type=Path, help="keep the runs in this folder")
    arguments = parser.parse_args()
    means, first = schedule.parse(arguments.faults)
    refusal = Hosts.refusal()
    if refusal:
        print(f"no partitions: {refusal}")
        means.pop("partition", None)
    hosts = None if refusal else Hosts(MEMBERS, f"{os.getpid() % 1000}")
    total, faults = collections.Counter(), 0
    try:
        for seed in range(first, first + arguments.schedules):
            with tempfile.TemporaryDirectory(prefix="skein-chaos-") as scratch:
                try:
                    folder = (arguments.keep or Path(scratch)) / f"seed-{seed}"
                    counts = one(arguments.skein, seed, means, hosts, folder)
                except Fault as fault:
                    print(fault, flush=True)
                    faults += 1
                else:
                    total += counts
                    print(f"seed {seed}: {dict(counts)}", flush=True)
                finally:
                    if hosts:
                        hosts.part(())
    finally:
        if hosts:
            hosts.remove()
    print(f"{arguments.schedules} schedules, {faults} faults found: {dict(total)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
