"""How soon an elastic run notices a death, and takes a newcomer in.

  latency.py --skein build/release/skein [--times 20]

death: two members of three wait for the third, which is stopped, then killed: from the SIGKILL to the next round's line.
join: from the start of a fourth process to the end of its first round, and how long the rounds before it took.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(__file__))

import processes
from processes import Fault, Process


class Run:
    def __init__(self, skein, folder):
        self.folder, self.run, self.started = folder, folder / "run", 0
        self.command = [skein, "train", *processes.SMALL, "--synthetic-train", 100000, "--epochs", 100, "--sync",
                        "local:H=8", "--elastic", "min=1,grace=30s", "--out", self.run]
        self.live = [self.start() for _ in range(3)]
        self.wait(lambda: self.members() == 3)

    def start(self):
        self.started += 1
        return Process(self.command, self.folder / f"{self.started}.log")

    def rounds(self):
        try:
            text = (self.run / "membership.jsonl").read_text()
        except OSError:
            return []
        return [line for line in text.splitlines() if '"type":"round"' in line and line.endswith("}")]

    def members(self):
        rounds = self.rounds()
        return rounds[-1].split('"merged":[')[1].split("]")[0].count(",") + 1 if rounds else 0

    def wait(self, condition, seconds=60):
        """Returns the seconds that it took."""
        begin = time.monotonic()
        while not condition():
            if time.monotonic() > begin + seconds:
                raise Fault("it takes too long:\n" + "\n".join(p.text()[-1000:] for p in self.live))
            time.sleep(0.001)
        return time.monotonic() - begin

    def death(self):
        victim = self.live.pop()
        victim.signal(signal.SIGSTOP)
        time.sleep(0.5)  # the others have taken their steps
        before = len(self.rounds())
        victim.kill()
        return self.wait(lambda: len(self.rounds()) > before)

    def join(self):
        size = self.members()
        before, begin = len(self.rounds()), time.monotonic()
        time.sleep(0.5)
        round_seconds = (time.monotonic() - begin) / max(1, len(self.rounds()) - before)
        self.live.append(self.start())
        return self.wait(lambda: self.members() > size), round_seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skein", required=True, type=Path)
    parser.add_argument("--times", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="skein-chaos-") as folder:
        run = Run(arguments.skein, Path(folder))
        try:
            deaths, joins = [], []
            for _ in range(arguments.times):
                deaths.append(run.death())
                joins.append(run.join())
        finally:
            for p in run.live:
                p.kill()
    own = [seconds for seconds, _ in joins]
    print(f"death: median {1e3 * statistics.median(deaths):.0f} ms, longest {1e3 * max(deaths):.0f} ms of {len(deaths)}")
    print(f"join: median {statistics.median(own):.2f} s, longest {max(own):.2f} s; rounds of "
          f"{1e3 * statistics.median(r for _, r in joins):.0f} ms")


if __name__ == "__main__":
    main()
