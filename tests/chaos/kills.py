"""Training runs that are killed again and again: at random moments, and at every call that changes a file.

  kills.py --skein build/release/skein --kills 200 --kinds single,async,threads,tcp,tcp-async,mpi,elastic
  kills.py --skein build/release/skein --kinds calls-single,calls-threads,calls-elastic --every 1

A run is started by one command (--resume-if-started), killed, and started again until it is complete. Then its last
checkpoint has the bits of a run that nobody killed, summary.csv has every epoch once, and `skein verify` finds every
file as it was written. (An elastic run divides its rounds among those who are there, so it is held against its replay,
in elastic.py; here it must be complete and whole.)
"""

import argparse
import collections
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(__file__))

import processes
from processes import Fault, Process, check

EPOCHS = 6
LOCAL_SGD = ["--sync", "local:H=3", "--outer-momentum", 0.5, "--compress", "ef-sign", "--bn-stats", "average"]
MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
BOUND = 60  # seconds within which every process ends by itself


class Kind:
    """A way to run: commands, with their variables, that are started together."""

    def __init__(self, skein, name):
        self.skein, self.name = skein, name
        self.workers = {"single": 1, "async": 2}.get(name.removeprefix("calls-"), 3)

    def commands(self, run):
        name = self.name.removeprefix("calls-")
        train = [self.skein, "train", *processes.SMALL, "--epochs", EPOCHS, "--keep", 2, "--timeout", "20s", "--out",
                 run, *(["--checkpoint-async", "--checkpoint-minutes", 1e-9] if name.endswith("async") else [])]
        again = [*train, "--resume-if-started", *(["--workers", self.workers, *LOCAL_SGD] if self.workers > 1 else [])]
        if name == "mpi":
            return [(["mpirun", "-np", 3, *again], MPI)]
        if name.startswith("tcp"):
            port = 20000 + random.randrange(10000)
            return [(again, {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "3", "RANK": str(r)})
                    for r in range(3)]
        if name == "elastic":
            return [([*train, "--sync", "local:H=3", "--elastic", "min=2,grace=2s"], {})] * 3
        return [(again, {})]

    def start(self, run, preload=None):
        """preload: variables of the first, which is the chair of an elastic run."""
        started, self.together = [], self.commands(run)
        for i, (command, variables) in enumerate(self.together):
            log = run.parent / f"{self.name}-{i}.log"
            started.append(Process(command, log, {**variables, **preload} if preload and i == 0 else variables))
            while preload and started[0].status() is None and self.name.endswith("elastic") and \
                    not (run / "chair.json").exists():
                time.sleep(0.002)
        return started

    def replace_missing(self, all_processes, folder):
        """A rank that has died before all had come is waited for: it is started again."""
        while any(p.status() is None for p in all_processes):
            time.sleep(0.02)
            if any(p.status() is None and "are missing" in p.text() for p in all_processes):
                for i, p in enumerate(all_processes):
                    if p.status() is not None:
                        command, variables = self.together[i]
                        all_processes[i] = Process(command, folder / f"{self.name}-{i}.log", variables)
                return

    def finish(self, all_processes):
        """Waits for all. True: the run is complete. A rank may say that another has died: status 1."""
        statuses = [p.wait(BOUND) for p in all_processes]
        for p, status in zip(all_processes, statuses):
            killed = self.name == "mpi" and status not in (0, 2)
            if status not in (0, 1, 137) and not killed:
                raise Fault(f"status {status}:\n{p.text()}")
        return 0 in statuses if self.name.endswith("elastic") else all(s == 0 for s in statuses)

    def complete(self, run):
        """Starts it until the run is complete, without kills."""
        for _ in range(3):
            if self.finish(self.start(run)):
                return
        raise Fault(f"three starts did not complete the run:\n{(run.parent / f'{self.name}-0.log').read_text()}")


def judge(skein, run, expected):
    if expected and processes.model_of(run) != expected:
        raise Fault(f"{run}: the last checkpoint has other bits than that of a run that nobody killed")
    if processes.summary_epochs(run) != list(range(1, EPOCHS + 1)):
        raise Fault(f"{run}/summary.csv has the epochs {processes.summary_epochs(run)}")
    check([skein, "verify", run], run.parent / "verify.log")


def unbroken(kind, folder):
    """The bits of a run that nobody kills, and its seconds."""
    run = folder / "unbroken"
    begin = time.monotonic()
    if not kind.finish(kind.start(run)):
        raise Fault(f"{kind.name}: a run that nobody kills has failed:\n{(folder / f'{kind.name}-0.log').read_text()}")
    seconds = time.monotonic() - begin
    judge(kind.skein, run, None)
    bits = None if kind.name.endswith("elastic") else processes.model_of(run)
    shutil.rmtree(run)
    return bits, seconds


def victim(kind, alive, dice):
    """The number of the process to kill: of mpirun also one of its ranks."""
    if kind.name != "mpi":
        return dice.choice(alive).pid
    children = subprocess.run(["pgrep", "-P", str(alive[0].pid)], capture_output=True, text=True, check=False)
    return int(dice.choice([str(alive[0].pid), *children.stdout.split()]))


def kill_once(kind, run, after, dice):
    """A start of the run, of which a process is killed. Returns whether the run is complete, and whether one was."""
    all_processes, kills = kind.start(run), 0
    try:
        end = time.monotonic() + after
        while time.monotonic() < end and any(p.status() is None for p in all_processes):
            time.sleep(0.002)
        alive = [p for p in all_processes if p.status() is None]
        if alive:
            try:
                os.kill(victim(kind, alive, dice), 9)
                kills = 1
            except ProcessLookupError:
                pass
        if kind.name.startswith("tcp"):
            kind.replace_missing(all_processes, run.parent)
        return kind.finish(all_processes), kills
    finally:
        for p in all_processes:
            p.kill()  # what mpirun has left, and all after a fault


def kill_at_random(kind, folder, kills, dice):
    """Runs, each killed until it is complete."""
    expected, seconds = unbroken(kind, folder)
    counts, run = collections.Counter(), folder / "run"
    while counts["kills"] < kills or run.exists() or not counts["runs"]:
        if counts["kills"] < kills:
            complete, killed = kill_once(kind, run, dice.uniform(0, 1.2 * seconds), dice)
            counts["kills"] += killed
        else:
            kind.complete(run)
            complete, killed = True, 0
        if not complete:
            if not killed:
                raise Fault(f"it has ended by itself:\n{(folder / f'{kind.name}-0.log').read_text()}")
            continue
        judge(kind.skein, run, expected)
        counts["runs"] += 1
        shutil.rmtree(run)
    return counts


def preload_library(folder):
    library = folder / "file_calls.so"
    source = Path(__file__).with_name("file_calls.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return library


def synced_before_renamed(log):
    """A rename without the sync of what it brings there loses it when the power fails. Takes the log's lines."""
    dirty, names = set(), collections.Counter()
    for line in log.read_text().splitlines():
        _, call, *paths = line.split(" ")
        names[call] += 1
        if call == "write":
            dirty.add(paths[0])
        elif call in ("fsync", "fdatasync"):
            dirty.discard(paths[0])
        elif call.startswith("rename"):
            lost = [p for p in dirty if p == paths[0] or p.startswith(paths[0] + "/")]
            if lost:
                raise Fault(f"{line}: before {', '.join(lost)} was brought to the disk")
    return names


def kill_at_calls(kind, folder, every, named):
    """A run per call that changes a file of the run's folder, killed there. named: in the paths that count."""
    expected, _ = unbroken(kind, folder)
    run, log, library = folder / "run", folder / "calls.log", preload_library(folder)
    preload = {"LD_PRELOAD": str(library), "FILE_CALLS_UNDER": str(run), "FILE_CALLS_NAMED": named,
               "FILE_CALLS_LOG": str(log)}
    if not kind.finish(kind.start(run, preload)):
        raise Fault(f"a run with counted calls has failed:\n{(folder / f'{kind.name}-0.log').read_text()}")
    shutil.rmtree(run)
    names = synced_before_renamed(log)
    counts = collections.Counter()
    for number in range(1, sum(names.values()) + 1, every):
        when = ("before", "half", "after")[number // every % 3]
        log.unlink()
        first = kind.start(run, {**preload, "FILE_CALLS_KILL": str(number), "FILE_CALLS_WHEN": when})
        complete = kind.finish(first)
        counts["kills"] += first[0].status() == 137
        try:
            if not complete:
                kind.complete(run)
            judge(kind.skein, run, expected)
        except Fault as fault:
            call = log.read_text().splitlines()[-1] if log.exists() else "none"
            raise Fault(f"killed {when} call {number} of {sum(names.values())} ({call}): {fault}") from None
        counts["runs"] += 1
        shutil.rmtree(run)
    if not counts["kills"]:
        raise Fault("no process was killed")
    print(f"{kind.name}: calls of a run: {dict(names)}; every rename comes after the sync of what it brings",
          flush=True)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skein", required=True, type=Path)
    parser.add_argument("--kinds", default="single,async,threads,tcp,tcp-async,mpi,elastic,"
                                           "calls-single,calls-async,calls-threads,calls-elastic")
    parser.add_argument("--kills", type=int, default=200, help="of each kind, at random moments")
    parser.add_argument("--every", type=int, default=1, help="kills at every n-th call")
    parser.add_argument("--named", default="", help="kills at calls for files with this in their paths alone")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    faults = 0
    for name in arguments.kinds.split(","):
        if name == "mpi" and not shutil.which("mpirun"):
            print("mpi: skipped, there is no mpirun")
            continue
        begin = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix="skein-chaos-"))
        kind, dice = Kind(arguments.skein, name), random.Random(f"{name} {arguments.seed}")
        try:
            if name.startswith("calls-"):
                counts = kill_at_calls(kind, folder, arguments.every, arguments.named)
            else:
                counts = kill_at_random(kind, folder, arguments.kills, dice)
        except Fault as fault:
            print(f"{name}: {fault}\nThe files are in {folder}", flush=True)
            faults += 1
            continue
        shutil.rmtree(folder)
        print(f"{name}: {counts['kills']} kills, {counts['runs']} runs complete and whole, "
              f"{time.monotonic() - begin:.0f} s", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
