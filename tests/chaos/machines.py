"""Processes with a share of a core each, as if each had a machine of its own: when one is lost, the others do not get
its time. Control groups of Linux (version 1 or 2), which need root."""

import itertools
import os
from pathlib import Path

PERIOD = 10000  # microseconds


class Machines:
    names = itertools.count()

    def __init__(self, number, cores):
        """cores: of each."""
        base = Path("/sys/fs/cgroup")
        self.second = (base / "cgroup.controllers").exists()
        if self.second and "cpu" not in (base / "cgroup.subtree_control").read_text().split():
            (base / "cgroup.subtree_control").write_text("+cpu")
        self.folders = [(base if self.second else base / "cpu") / f"skein-{os.getpid()}-{next(Machines.names)}"
                        for _ in range(number)]
        for folder in self.folders:
            folder.mkdir()
            if self.second:
                (folder / "cpu.max").write_text(f"{int(PERIOD * cores)} {PERIOD}")
            else:
                (folder / "cpu.cfs_period_us").write_text(str(PERIOD))
                (folder / "cpu.cfs_quota_us").write_text(str(int(PERIOD * cores)))

    def prefix(self, i):
        procs = self.folders[i] / "cgroup.procs"
        return ["sh", "-c", f'echo $$ > {procs} && exec "$@"', "machine"]

    def remove(self):
        for folder in self.folders:
            folder.rmdir()
