#!/usr/bin/env python3
"""K workers in numpy, written from the papers, against skein step by step.

    local_sgd.py SKEIN_LOCAL_SGD_DUMP [-v]

skein_local_sgd_dump runs skein's workers on a small DenseNet and writes every step: gradients, models, all states.
The rules of local_sgd_rules.py predict each step from the state before it (the first state is checked too, so by
induction the whole run), once in f64 and once in f32. Signs and roundings to bf16 are taken from f32 numbers, which are
exact here; so nothing depends on a number that is nearly zero. The noise floor of a case is the difference between f32
and f64; skein may differ by four times as much. Deliberate mistakes in the rules show that a wrong rule is noticed.

Exit status: 0 equal, 1 not, 77 numpy is not installed.
"""
import itertools
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("skipped: numpy is not installed")
    sys.exit(77)

from local_sgd_rules import (BATCH, EPOCHS, MOMENTS, RUN, STEPS_PER_EPOCH, WORKERS, average, has_outer, local_step, merge,
                             merges, pending_of, rates, scopes, synchronise_momentum)

# name: (--sync, kind, H, first epoch at H, other settings); the rate first drops at epoch 2.
SCHEDULES = {
    "minibatch": ("minibatch", dict(h=1)),
    "local": ("local:H=4", dict(h=4)),
    "post-local": ("post-local:H=2", dict(h=2, switch=2)),
    "reverse": ("reverse:H=2,from=1.5", dict(h=2, switch=1.5, reverse=True)),
    "hierarchical": ("hierarchical:H=1,Hb=3,block=2", dict(h=1, hb=3, block=2)),
    "hierarchical-from": ("hierarchical:H=2,Hb=2,block=2,from=1", dict(h=2, hb=2, block=2, switch=1)),
    "quadratic": ("quadratic:H=2,alpha=0.21", dict(h=2, alpha=0.21)),
    "linear": ("local:H=3,warmup=linear", dict(h=3, warm="linear", p=3)),
    "delay": ("local:H=4,delay=2", dict(h=4, delay=2)),
    "delay-mixed": ("hierarchical:H=3,Hb=2,block=2,delay=2,mix=0.25", dict(h=3, hb=2, block=2, delay=2, mix=0.25)),
    "delay-switch": ("post-local:H=2,delay=1", dict(h=2, switch=2, delay=1)),
    "exponential": ("local:H=6,warmup=exponential,warmup-epochs=3,restart",
                    dict(h=6, warm="exponential", p=3, restart=True)),
}
COMPRESSIONS = ["none", "bf16", "sign", "ef-sign", "sign:mean-of-means", "ef-sign:mean-of-means", "ef-sign:two-way"]
# They share their way through the ranks with each other and nothing with the schedules: with each momentum once, with
# the schedules in turn.
BY_BLOCKS = ["q8", "ef-q8:two-way", "ef-q4", "q4:block=96:two-way", "q2", "ef-q2", "topk:0.02", "ef-topk:0.02:two-way"]
MOMENTA = {
    "local": dict(),
    "sign-step": dict(sign_step=True),
    "global": dict(momentum=0.0, outer_momentum=0.75, nesterov=False),
    "slowmo": dict(outer_momentum=0.5, outer_nesterov=False, outer_form="slowmo"),
    "diloco": dict(outer_momentum=0.9, outer_rate=0.7),
    "from-switch": dict(outer_momentum=0.3, outer_rate=0.9, outer_form="slowmo", outer_from="switch"),
    "reset": dict(sync_momentum="reset"),
    "average": dict(sync_momentum="average", outer_momentum=0.5),
    "average-second": dict(sync_momentum="average:every=2"),
    "adamw": dict(optimizer="adamw"),
    "adamw-reset": dict(optimizer="adamw", sync_momentum="reset"),
    "adamw-average": dict(optimizer="adamw", sync_momentum="average"),
}
DEFAULTS = dict(momentum=0.9, nesterov=True, sign_step=False, outer_momentum=0.0, outer_rate=1.0, outer_nesterov=True,
                outer_form="diloco", outer_from="start", sync_momentum="keep", optimizer="sgd")
# What synchronisations do to the momentum does not depend on what travels: one compression shows it.
OF_THE_MOMENTUM = [m for m in MOMENTA if "sync_momentum" in MOMENTA[m] or "optimizer" in MOMENTA[m]]
SCOPES = [None, "block", "world"]
OF_A_DELAY = ["local", "slowmo", "from-switch", "reset"]


class Dump:
    def __init__(self, path):
        with open(path, "rb") as f:
            self.layout = json.loads(f.readline())
            numbers = np.frombuffer(f.read(), np.float32)
        self.layout["segments"].sort()
        n, at = self.layout["size"], 0

        def take(count):
            nonlocal at
            at += count
            return numbers[at - count:at]

        def state():
            return {t["name"]: take(t["size"]) for t in self.layout["tensors"]}

        workers = range(self.layout["workers"])
        self.first = [state() for _ in workers]
        self.steps = [[(take(n), take(n), state()) for _ in workers] for _ in self.layout["scopes"]]
        assert at == len(numbers), "the dump is longer than its header says"


class Mismatch(Exception):
    pass


class Deviation:
    """Largest distance from the f64 rule, of skein and of the same rule in f32, by quantity, relative to its size."""

    def __init__(self):
        self.of = {}

    def add(self, what, skein, f64, f32, where, size=0):
        size = max(np.max(np.abs(f64)), size, 1e-30)
        mine, floor = np.max(np.abs(skein - f64)) / size, np.max(np.abs(f32 - f64)) / size
        if not mine <= 4 * max(floor, 2.0 ** -23):
            raise Mismatch(f"{where}, {what}: {mine:.1e} from the rule, the noise floor is {floor:.1e}")
        old = self.of.get(what, (0, 0))
        self.of[what] = max(old[0], mine), max(old[1], floor)


def follow(dump, case, deviation, wrong=()):
    """Raises Mismatch at the first step that the rules do not predict."""
    layout, rate = dump.layout, rates()
    deviation.add("rate", np.array(layout["rates"]), np.array(rate), np.array(rate), "schedule")
    want = scopes(rate, wrong=wrong, **case["schedule"])
    if want != layout["scopes"]:
        raise Mismatch(f"averagings {layout['scopes']}, the rule has {want}")
    got = merges(want, case["schedule"].get("delay", 0), wrong)
    if got != layout["merges"]:
        raise Mismatch(f"merges {layout['merges']}, the rule has {got}")
    for state in dump.first:
        for name, x in state.items():
            if name.endswith("consensus") and np.any(x != state["value"]):
                raise Mismatch(f"{name} does not start at the model")
            if ("error" in name or "momentum" in name or "pending" in name or name in MOMENTS) and np.any(x):
                raise Mismatch(f"{name} does not start at zero")
    switch = case["schedule"].get("switch", 0) if case["outer_from"] == "switch" and "outer-at-once" not in wrong else 0
    before = dump.first
    for s, step in enumerate(dump.steps):
        after = [state for _, _, state in step]
        where = f"step {s + 1}"
        scope = SCOPES[got[s]]
        number = got[:s + 1].count(2)
        predicted = {t: [local_step(layout, case, before[r], step[r][0], rate[s], t, wrong) for r in range(len(step))]
                     for t in (np.float64, np.float32)}
        for r, (_, value, state) in enumerate(step):
            deviation.add("local step", value, *(p[r][0] for p in predicted.values()), where)
        moments = [synchronise_momentum(case, scope, number, [m for _, m in p], wrong) for p in predicted.values()]
        for r, (_, _, state) in enumerate(step):
            for name in moments[0][r]:
                deviation.add(name, state[name], moments[0][r][name], moments[1][r][name], where)
        expected = [expected_states(layout, case, (want, got, rate, switch), s, before, step, t, wrong)
                    for t in (np.float64, np.float32)]
        for r, state in enumerate(after):
            for name, x in state.items():
                if name in expected[0][r]:
                    # A memory may be nothing but rounding; what it is left of is not.
                    moved = np.max(np.abs(step[r][1] - before[r]["value"])) if "error" in name else 0
                    deviation.add(name.split(".")[-1], x, expected[0][r][name], expected[1][r][name], where, moved)
                elif name == "value":
                    deviation.add(name, x, step[r][1], step[r][1], where)
                elif "." in name and not name.endswith("traffic") and np.any(x != before[r][name]):
                    raise Mismatch(f"{where}: {name} changes")
        before = after


def expected_states(layout, case, tables, s, before, step, t, wrong):
    """What averagings make of the states in step s, by name: one that begins before it, one after it, a merge."""
    want, got, rate, switch = tables
    after = [state for _, _, state in step]

    def averaged(of_step, models):
        outer = has_outer(case) and of_step / STEPS_PER_EPOCH >= switch
        return average(layout, case, SCOPES[want[of_step]], before, models, after, of_step + 1, rate[of_step], outer, t, wrong)

    expected = [dict() for _ in step]
    if s > 0 and want[s - 1] and not got[s - 1]:
        sent = [x[1] if "sent-late" in wrong else state["value"] for x, state in zip(step, before)]
        expected = averaged(s - 1, sent)
        for own, w in zip(expected, sent):
            own[SCOPES[want[s - 1]] + ".pending"] = pending_of(case, w, own.pop("value"), t)
    elif want[s] and got[s]:
        expected = averaged(s, [x[1] for x in step])
    if got[s] and not want[s]:
        for own, (_, value, state) in zip(expected, step):
            own["value"] = merge(case, value, state[SCOPES[got[s]] + ".pending"], t, wrong)
    return expected


# Mistake: cases in which it must be noticed.
MISTAKES = {
    "zero-is-plus": lambda c: c["name"] == "post-local" and c["compress"].startswith("sign") and c["momenta"] == "sign-step",
    "memory-without-scale": lambda c: c["name"] == "local" and c["compress"] == "ef-sign",
    "product": lambda c: c["name"] == "local" and c["compress"] == "ef-sign:mean-of-means",
    "memory-kept": lambda c: c["momenta"] == "local" and c["compress"] in ("ef-q4", "ef-topk:0.02:two-way"),
    "scale-of-next-block": lambda c: c["momenta"] == "local" and c["compress"] in ("q8", "q2"),
    "ties-from-the-end": lambda c: c["momenta"] == "sign-step" and c["compress"] == "topk:0.02",
    "norms-decay": lambda c: c["name"] == "local",
    "rate-forgotten": lambda c: c["name"] == "local" and c["momenta"] == "slowmo",
    "outer-at-once": lambda c: c["momenta"] == "from-switch",
    "stale-block": lambda c: c["name"] == "hierarchical-from" and (c["compress"] != "none" or has_outer(c)),
    "quadratic-stretches": lambda c: c["name"] == "quadratic" and c["momenta"] == "local",
    "momentum-kept": lambda c: c["name"] == "local" and c["momenta"] in ("reset", "average"),
    "momentum-of-blocks": lambda c: c["name"] == "hierarchical" and c["momenta"] == "average",
    "every-averaging": lambda c: c["name"] == "local" and c["momenta"] == "average-second",
    "second-moment-kept": lambda c: c["name"] == "local" and c["momenta"] == "adamw-average",
    "steps-kept": lambda c: c["name"] == "local" and c["momenta"] == "adamw-reset",
    "merge-at-the-next": lambda c: c["name"] == "delay-switch" and c["momenta"] == "local",
    "sent-late": lambda c: c["name"] == "delay",
    "mix-swapped": lambda c: c["name"] == "delay-mixed",
    "steps-dropped": lambda c: c["name"] == "delay" and c["momenta"] == "local",
    "ends-at-p": lambda c: c["name"] == "exponential" and c["momenta"] == "local",
}


def combinations():
    for name, compress, momenta in itertools.product(SCHEDULES, COMPRESSIONS, MOMENTA):
        if momenta != "from-switch" or SCHEDULES[name][1].get("switch"):
            yield name, compress, momenta
    for (i, compress), (j, momenta) in itertools.product(enumerate(BY_BLOCKS), enumerate(MOMENTA)):
        fitting = [n for n, (_, schedule) in SCHEDULES.items()
                   if "delay" not in schedule and (momenta != "from-switch" or schedule.get("switch"))]
        yield fitting[(i + j) % len(fitting)], compress, momenta


def cases():
    for name, compress, momenta in combinations():
        sync, schedule = SCHEDULES[name]
        if momenta in OF_THE_MOMENTUM and compress != "none":
            continue
        if "delay" in schedule and (momenta not in OF_A_DELAY or compress.startswith("sign")):
            continue
        yield dict(DEFAULTS, name=name, sync=sync, schedule=schedule, block=schedule.get("block", 0), compress=compress,
                   momenta=momenta, **MOMENTA[momenta])


def toml(case):
    settings = dict(RUN, sync=case["sync"], compress=case["compress"], **MOMENTA[case["momenta"]])
    return "".join(f"{key.replace('_', '-')} = {json.dumps(value)}\n" for key, value in settings.items())


def main():
    program, verbose = sys.argv[1], "-v" in sys.argv
    total, noticed, failed, count = Deviation(), {}, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        config, out = os.path.join(folder, "run.toml"), os.path.join(folder, "run.dump")
        all_cases, arguments = list(cases()), []
        for i, case in enumerate(all_cases):
            with open(f"{config}{i}", "w") as f:
                f.write(toml(case))
            arguments += [f"{config}{i}", f"{out}{i}"]
        subprocess.run([program] + arguments, check=True)
        for i, case in enumerate(all_cases):
            title = f"--sync {case['sync']} --compress {case['compress']}, momentum {case['momenta']}"
            dump, count = Dump(f"{out}{i}"), count + 1
            os.remove(f"{out}{i}")
            try:
                follow(dump, case, total)
            except Mismatch as e:
                print(f"{title}: {e}")
                failed += 1
            for mistake, applies in MISTAKES.items():
                if applies(case) and noticed.get(mistake, True):
                    try:
                        follow(dump, case, Deviation(), (mistake,))
                        noticed[mistake] = False
                        print(f"{title}: does not notice {mistake}")
                    except Mismatch as e:
                        noticed[mistake] = True
                        if verbose:
                            print(f"{title}: {mistake}: {e}")
    print(f"{count} runs of {WORKERS} workers, {STEPS_PER_EPOCH * EPOCHS} steps each")
    print(f"{'':16} {'skein':>9} {'f32':>9}   largest distance from the f64 rule, relative")
    for what, (mine, floor) in total.of.items():
        print(f"{what:16} {mine:9.1e} {floor:9.1e}")
    print(f"deliberate mistakes: {sum(noticed.values())} of {len(MISTAKES)} noticed")
    return 0 if failed == 0 and len(noticed) == len(MISTAKES) and all(noticed.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
