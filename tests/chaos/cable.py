"""A cable that is pulled: three hosts in network namespaces (root), one of which is cut off while the run goes on.

  cable.py --skein build/release/skein [--tls cert=FILE,key=FILE,ca=FILE]

tcp: from the cut to the end of both other ranks, and what they say. A socket gives no sign: the kernel sends again what
nobody acknowledges, for a quarter of an hour by itself.
elastic: from the cut to the next round without the lost member.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(__file__))

import processes
from hosts import INTERFACE, Hosts
from processes import Fault, Process

LONG = ["--synthetic-train", 100000, "--epochs", 100, "--sync", "local:H=8"]


def wait(condition, live, seconds):
    begin = time.monotonic()
    while not condition():
        if time.monotonic() > begin + seconds:
            raise Fault("it takes too long:\n" + "\n".join(p.text()[-1000:] for p in live))
        time.sleep(0.01)
    return time.monotonic() - begin


def start(hosts, command, folder, variables):
    return [Process(command, folder / f"{h}.log", variables(h), hosts.prefix(h)) for h in range(hosts.number)]


def steps(run):
    try:
        return (run / "metrics.jsonl").read_text().count('"type":"step"')
    except OSError:
        return 0


def cut_tcp(command, hosts, folder):
    run = folder / "tcp"
    address = {"MASTER_ADDR": "10.77.0.1", "MASTER_PORT": "29500", "WORLD_SIZE": str(hosts.number)}
    live = start(hosts, [*command, "--out", run], folder, lambda h: {**address, "RANK": str(h)})
    try:
        wait(lambda: steps(run) > 10, live, 60)
        hosts.part([2])
        return wait(lambda: all(p.status() is not None for p in live[:2]), live, 300), live[0].text().splitlines()[-1]
    finally:
        for p in live:
            p.kill()


def cut_elastic(command, hosts, folder):
    run = folder / "elastic"
    elastic = ["--elastic", f"min=2,grace=5s,interface={INTERFACE}", "--out", run]
    live = start(hosts, [*command, *elastic], folder, lambda h: {})
    log = run / "membership.jsonl"
    merged = lambda: [len(r["merged"]) for r in processes.rounds_of(log)[-1:]]
    try:
        wait(lambda: merged() == [3], live, 60)
        hosts.part([2])
        time.sleep(0.1)
        before = len(processes.rounds_of(log))
        return wait(lambda: len(processes.rounds_of(log)) > before + 1 and merged() == [2], live, 120)
    finally:
        for p in live:
            p.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skein", required=True, type=lambda path: Path(path).resolve())
    parser.add_argument("--tls", default="")
    arguments = parser.parse_args()
    if why := Hosts.refusal():
        sys.exit(f"cable.py: {why}")
    command = [arguments.skein, "train", *processes.SMALL, *LONG, *(["--tls", arguments.tls] if arguments.tls else [])]
    with tempfile.TemporaryDirectory(prefix="skein-chaos-") as folder:
        for name, cut in (("ca", cut_tcp), ("cb", cut_elastic)):
            hosts = Hosts(3, name)
            try:
                print(cut.__name__, cut(command, hosts, Path(folder)), flush=True)
            finally:
                hosts.remove()


if __name__ == "__main__":
    main()
