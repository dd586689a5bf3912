"""A schedule of faults, drawn from a seed: the same seed and text give the same faults at the same times.

  kill=1.5s,stall=3s,seed=7      a kill every 1.5 s in the mean, a stall every 3 s (exponentially distributed)

  kill       SIGKILL to one process, which is started again soon
  chair      the same to the chair
  stall      SIGSTOP, and SIGCONT up to three times `grace` later
  partition  a part of the hosts cannot reach the others, up to three times `grace` long (with network namespaces)
  join       one process more
  survivor   SIGKILL to all but one
  all        SIGKILL to all
  corrupt    one bit of the last checkpoint is turned over, and all are killed
"""

import random
from dataclasses import dataclass

KINDS = ("kill", "chair", "stall", "partition", "join", "survivor", "all", "corrupt")


@dataclass(frozen=True)
class Event:
    at: float      # seconds after the start
    kind: str
    length: float  # in units of grace: of a stall, of a partition
    draw: float    # from [0, 1): chooses the process


def parse(text):
    """The mean seconds between two faults of each kind, and the seed. ValueError names what is wrong."""
    means, seed = {}, 0
    for item in text.split(","):
        kind, _, value = item.partition("=")
        if kind == "seed" and value.isdigit():
            seed = int(value)
            continue
        number = value.removesuffix("s")
        if kind not in KINDS or not number.replace(".", "", 1).isdigit() or float(number) <= 0:
            raise ValueError(f"'{item}' is not right. Give KIND=SECONDS, of {', '.join(KINDS)}, and seed=NUMBER")
        means[kind] = float(number)
    return means, seed


def draw(means, seed, seconds):
    """The events of the first `seconds`, in order."""
    events = []
    for kind in sorted(means):
        dice = random.Random(f"{kind} {seed}")
        at = dice.expovariate(1 / means[kind])
        while at < seconds:
            events.append(Event(at, kind, 3 * dice.random(), dice.random()))
            at += dice.expovariate(1 / means[kind])
    return sorted(events, key=lambda event: event.at)
