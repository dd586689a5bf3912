"""Processes of skein for the tests of this folder: started, stopped, killed, waited for; and what their runs left."""

import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

# A training run of about a second on one core, whose bits do not depend on the processor's choice of kernels.
SMALL = ("--model resnet8 --data synthetic --synthetic-train 192 --synthetic-test 30 --synthetic-size 8 --batch 16 "
         "--eval-batch 30 --lr 0.01 --conv onednn --threads 1 --device cpu --warmup-epochs 1").split()


class Fault(Exception):
    """A run that did what it must not."""


class Process:
    """A program with its output in files. prefix: of the command, such as `ip netns exec h1`."""

    def __init__(self, command, log, variables=None, prefix=()):
        self.log = Path(log)
        with open(self.log, "w") as out:
            # A session of its own: mpirun's processes are killed with it.
            self.child = subprocess.Popen([*prefix, *map(str, command)], stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=subprocess.STDOUT, env={**os.environ, **(variables or {})},
                                          start_new_session=True)

    @property
    def pid(self):
        return self.child.pid

    def status(self):
        """None while it runs; 128 + the signal's number where one has ended it."""
        code = self.child.poll()
        return code if code is None or code >= 0 else 128 - code

    def signal(self, number):
        if self.child.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        """The process and those that it has started."""
        session = ["--session", str(self.pid)]  # mpirun's have groups of their own
        subprocess.run(["pkill", "-KILL", *session], check=False)
        self.child.wait()
        while subprocess.run(["pgrep", *session], stdout=subprocess.DEVNULL, check=False).returncode == 0:
            time.sleep(0.01)

    def wait(self, seconds):
        try:
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGQUIT)  # prints what each thread is doing
            time.sleep(0.5)
            self.kill()
            raise Fault(f"process {self.pid} has not ended within {seconds:.0f} s:\n{self.text()}") from None
        return self.status()

    def text(self):
        return self.log.read_text(errors="replace")


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def model_of(run):
    return sha256(Path(run) / "checkpoints/last/model.safetensors")


def summary_epochs(run):
    """The first column of summary.csv."""
    lines = (Path(run) / "summary.csv").read_text().splitlines()
    column = lines[0].split(",").index("epoch")
    return [int(line.split(",")[column]) for line in lines[1:]]


def lines_of(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def rounds_of(path):
    """The lines of the rounds in a log that is being written."""
    try:
        text = Path(path).read_text()
    except OSError:
        return []
    lines = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
    return [line for line in lines if line["type"] == "round"]


def check(command, log, seconds=120):
    """Runs a program to its end; a Fault where its status is not 0."""
    process = Process(command, log)
    status = process.wait(seconds)
    if status != 0:
        raise Fault(f"{' '.join(map(str, command))}: status {status}\n{process.text()}")
    return process.text()
