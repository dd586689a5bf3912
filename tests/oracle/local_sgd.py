#!/usr/bin/env python3
"""K workers in numpy, written from the papers, against skein step by step.

    local_sgd.py SKEIN_LOCAL_SGD_DUMP [-v]

skein_local_sgd_dump runs skein's workers on a small DenseNet and writes every step: gradients, models, all states.
The rules below predict each step from the state before it (the first state is checked too, so by induction the whole
run), once in f64 and once in f32. Signs and roundings to bf16 are taken from f32 numbers, which are exact here; so
nothing depends on a number that is nearly zero. The noise floor of a case is the difference between f32 and f64; skein
may differ by four times as much. Deliberate mistakes in the rules show that a wrong rule is noticed.

Sources: Lin, Stich, Patel, Jaggi, arXiv 1808.07217 (algorithms 1 to 5, epfml/LocalSGD-Code); SlowMo, arXiv 1910.00643;
DiLoCo, arXiv 2311.08105; QSR, arXiv 2310.14423; Philox, Salmon et al., SC 2011.
Exit status: 0 equal, 1 not, 77 numpy is not installed.
"""
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("skipped: numpy is not installed")
    sys.exit(77)

WORKERS, BATCH, STEPS_PER_EPOCH, EPOCHS = 4, 2, 3, 4
RUN = dict(model="densenet7-2-stem4", data="synthetic", epochs=EPOCHS, batch=BATCH, workers=WORKERS, lr=0.05,
           warmup_epochs=1, base_batch=4, synthetic_train=WORKERS * BATCH * STEPS_PER_EPOCH, synthetic_test=2,
           synthetic_size=8, drops=[0.5, 0.75], weight_decay=0.01, threads=1)

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
    "exponential": ("local:H=6,warmup=exponential,warmup-epochs=3,restart",
                    dict(h=6, warm="exponential", p=3, restart=True)),
}
COMPRESSIONS = ["none", "bf16", "sign", "ef-sign", "sign:mean-of-means", "ef-sign:mean-of-means", "ef-sign:two-way"]
MOMENTA = {
    "local": dict(),
    "sign-step": dict(sign_step=True),
    "global": dict(momentum=0.0, outer_momentum=0.75, nesterov=False),
    "slowmo": dict(outer_momentum=0.5, outer_nesterov=False, outer_form="slowmo"),
    "diloco": dict(outer_momentum=0.9, outer_rate=0.7),
    "from-switch": dict(outer_momentum=0.3, outer_rate=0.9, outer_form="slowmo", outer_from="switch"),
}
DEFAULTS = dict(momentum=0.9, nesterov=True, sign_step=False, outer_momentum=0.0, outer_rate=1.0, outer_nesterov=True,
                outer_form="diloco", outer_from="start")


# --- When workers average, and at which rate ---------------------------------------------------------------------------

def rates():
    """Goyal et al.'s scaling and warm-up; drops by ten at half and three quarters of the epochs."""
    base, peak = RUN["lr"], RUN["lr"] * BATCH / RUN["base_batch"] * WORKERS
    out = []
    for s in range(STEPS_PER_EPOCH * EPOCHS):
        e = s / STEPS_PER_EPOCH
        if e < RUN["warmup_epochs"]:
            out.append(base * ((peak / base - 1) * e / RUN["warmup_epochs"] + 1))
        else:
            out.append(peak * 0.1 ** sum(e >= d * EPOCHS for d in RUN["drops"]))
    return out


def scopes(rate, h, switch=0, reverse=False, hb=1, block=0, alpha=0, warm=None, p=0, restart=False, wrong=()):
    """0: none, 1: block, 2: world, of the averaging after each step."""
    out, since, rounds, drop, of_round = [], 0, 0, 0, h
    for s in range(len(rate)):
        epoch = s / STEPS_PER_EPOCH
        if s > 0 and rate[s] < rate[s - 1]:
            drop = s
        if alpha and (since == 0 or "quadratic-stretches" in wrong):
            of_round = max(h, math.floor((alpha / max(rate[s:])) ** 2 * (1 + 1e-9)))
        wait = of_round
        e = math.floor(min(epoch - switch, (s - drop) / STEPS_PER_EPOCH if restart else math.inf)) + 1
        if warm == "linear" and e <= p:
            wait = max(1, e * h // p)
        if warm == "exponential" and e <= p:
            wait = max(1, math.floor(2 ** (e * math.log2(p if "ends-at-p" in wrong else h) / p) + 1e-9))
        local = (epoch >= switch) != reverse and s + 1 < len(rate)
        since += 1
        if local and since < wait:
            out.append(0)
            continue
        since = 0
        rounds += 1
        world = not local or rounds == hb
        rounds = 0 if world else rounds
        out.append(2 if world else 1)
    return out


# --- What travels ------------------------------------------------------------------------------------------------------

def philox(counter, key):
    """Philox4x32-10; counter: four arrays of u64 with 32 bits each."""
    a, b, c, d = counter
    k0, k1 = key
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
        a, b, c, d = (q >> np.uint64(32)) ^ b ^ np.uint64(k0), q & low, (p >> np.uint64(32)) ^ d ^ np.uint64(k1), p & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return a


def signs(numbers, segments, step, rank, reply=False, wrong=()):
    """+-1 of each number of the segments in their order, a fair draw for a zero; 0 between the segments."""
    out, bit = np.zeros(len(numbers), np.int8), 0
    for begin, count in segments:
        x = numbers[begin:begin + count]
        q = np.sign(x).astype(np.int8)
        zeros = np.flatnonzero(x == 0).astype(np.uint64)
        if len(zeros):
            at = zeros + np.uint64(bit)
            word, one = at // np.uint64(32), np.ones_like(at)
            draw = philox((word, rank * one, int(reply) * one, 0 * one), (step & 0xFFFFFFFF, step >> 32))
            minus = draw >> (at % np.uint64(32)) & one == one
            q[zeros.astype(np.int64)] = np.where(minus & ("zero-is-plus" not in wrong), -1, 1)
        out[begin:begin + count] = q
        bit += count
    return out


def to_bf16(x):
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def scaled(d, segments):
    """s of every number: mean magnitude over its tensor."""
    out = np.zeros_like(d)
    for begin, count in segments:
        out[begin:begin + count] = np.mean(np.abs(d[begin:begin + count]))
    return out


def mean_difference(layout, form, c, w, state, step, ranks, hint, t, wrong):
    """mean over the ranks of c - w_k as it arrives; what they remember goes into `state`. t: the type to compute in.

    hint: the owners' memories of skein after it. Where a shard's mean is zero up to rounding, either sign is right, and
    skein's is taken."""
    segments, k = layout["segments"], len(w)
    if form == "none":
        return sum((t(c) - t(x) for x in w)) / t(k)
    if form == "bf16":
        sent = [to_bf16(c - x) for x in w]
        return t(to_bf16(sum(sent[1:], sent[0]) * np.float32(1 / k)))
    feedback, exact = form.startswith("ef-"), [c - x for x in w]
    if feedback:
        exact = [e + d for e, d in zip(state["error"], exact)]
    q = [signs(d, segments, step, r, wrong=wrong) for r, d in zip(ranks, exact)]
    s = [scaled(t(d), segments) for d in exact]
    if feedback:
        state["error"] = [t(d) - x * y for d, x, y in zip(exact, s, q)]
        if "memory-without-scale" in wrong:
            state["error"] = [t(d) - y * np.mean(x) for d, x, y in zip(exact, s, q)]
    if form.endswith("mean-of-means") and "product" not in wrong:
        return sum(s) / t(k) * (sum(x.astype(t) for x in q) / t(k))
    mean = sum(x * y for x, y in zip(s, q)) / t(k)
    if not form.endswith("two-way"):
        return mean
    single = sum((scaled(d, segments) * y for d, y in zip(exact, q)), np.float32(0)) * np.float32(1 / k)
    shard, replies, owned = -(-layout["size"] // k), np.zeros_like(mean), []
    for r in range(k):
        first, last = r * shard, min((r + 1) * shard, layout["size"])
        parts = [(max(b, first), min(b + n, last)) for b, n in segments]
        parts = [(b, e - b) for b, e in parts if b < e]
        memory = t(state["owner_error"][r]) + np.where((np.arange(len(c)) >= first) & (np.arange(len(c)) < last), mean, 0)
        y = signs(state["owner_error"][r] + single, parts, step, ranks[r], reply=True, wrong=wrong)
        x = scaled(memory, parts)
        y = np.where(np.abs(memory) < 1e-5 * x, np.sign(memory - hint[r]), y).astype(np.int8)
        replies += x * y
        owned.append(memory - x * y)
    state["owner_error"] = owned
    return replies


# --- One step ----------------------------------------------------------------------------------------------------------

def local_step(layout, case, w, v, g, rate, t, wrong):
    w, v, g = t(w), t(v), t(g)
    decay = np.zeros(len(w), t)
    decay[:len(w) if "norms-decay" in wrong else layout["decayed"]] = RUN["weight_decay"]
    g = g + decay * w
    v = t(case["momentum"]) * v + g
    step = g + t(case["momentum"]) * v if case["nesterov"] else v
    return w - t(rate) * (np.sign(step) if case["sign_step"] else step), v


def outer_step(case, c, delta, u, rate, t, wrong):
    slow = case["outer_form"] == "slowmo" and "rate-forgotten" not in wrong
    gamma, m = t(rate) if slow else t(1), t(case["outer_momentum"])
    u = m * t(u) + delta / gamma
    step = delta / gamma + m * u if case["outer_nesterov"] else u
    return t(c) - t(case["outer_rate"]) * gamma * step, u


def average(layout, case, scope, before, after_local, after, step, rate, outer, t, wrong):
    """States after the averaging, predicted from `before` (states) and the models after the local step."""
    expected = [dict() for _ in before]
    size = case["block"] if scope == "block" else len(before)
    for first in range(0, len(before), size):
        ranks = list(range(first, first + size))
        group = [before[r] for r in ranks]
        w = [after_local[r] for r in ranks]
        key = scope + "."
        tracked = case["compress"] != "none" or has_outer(case)
        if case["compress"] == "none" and not outer:
            c, new = sum(t(x) for x in w) / t(len(w)), {}
        else:
            old = group[0][key + "consensus"]
            new = {n: [g[key + n] for g in group] for n in ("error", "owner_error") if key + n in group[0]}
            hint = [after[r].get(key + "owner_error") for r in ranks]
            delta = mean_difference(layout, case["compress"], old, w, new, step, ranks, hint, t, wrong)
            if outer:
                c, u = outer_step(case, old, delta, group[0][key + "outer_momentum"], rate, t, wrong)
                new["outer_momentum"] = [u] * size
            else:
                c = t(old) - delta
        for i, r in enumerate(ranks):
            expected[r]["value"] = c
            if tracked:
                expected[r][key + "consensus"] = c
                if scope == "world" and case["block"] and "stale-block" not in wrong:
                    expected[r]["block.consensus"] = c
            expected[r].update({key + n: x[i] for n, x in new.items()})
    return expected


def has_outer(case):
    return case["outer_momentum"] != 0 or case["outer_rate"] != 1


# --- Against skein -----------------------------------------------------------------------------------------------------

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
    for state in dump.first:
        for name, x in state.items():
            if name.endswith("consensus") and np.any(x != state["value"]):
                raise Mismatch(f"{name} does not start at the model")
            if ("error" in name or "momentum" in name or name == "velocity") and np.any(x):
                raise Mismatch(f"{name} does not start at zero")
    switch = case["schedule"].get("switch", 0) if case["outer_from"] == "switch" and "outer-at-once" not in wrong else 0
    before = dump.first
    for s, step in enumerate(dump.steps):
        after = [state for _, _, state in step]
        where = f"step {s + 1}"
        predicted = {t: [local_step(layout, case, before[r]["value"], before[r]["velocity"], step[r][0], rate[s], t, wrong)
                         for r in range(len(step))] for t in (np.float64, np.float32)}
        for r, (_, value, state) in enumerate(step):
            pairs = [(p[r]) for p in predicted.values()]
            deviation.add("local step", value, pairs[0][0], pairs[1][0], where)
            deviation.add("velocity", state["velocity"], pairs[0][1], pairs[1][1], where)
        scope = [None, "block", "world"][layout["scopes"][s]]
        outer = has_outer(case) and s / STEPS_PER_EPOCH >= switch
        expected = [[dict() for _ in step]] * 2
        if scope:
            expected = [average(layout, case, scope, before, [x[1] for x in step], after, s + 1, rate[s], outer, t, wrong)
                        for t in (np.float64, np.float32)]
        for r, state in enumerate(after):
            for name, x in state.items():
                if name in expected[0][r]:
                    # A memory may be nothing but rounding; what it is left of is not.
                    moved = np.max(np.abs(step[r][1] - before[r]["value"])) if "error" in name else 0
                    deviation.add(name.split(".")[-1], x, expected[0][r][name], expected[1][r][name], where, moved)
                elif name == "value":
                    deviation.add(name, x, step[r][1], step[r][1], where)
                elif "." in name and np.any(x != before[r][name]):
                    raise Mismatch(f"{where}: {name} changes")
        before = after


# Mistake: cases in which it must be noticed.
MISTAKES = {
    "zero-is-plus": lambda c: c["name"] == "post-local" and c["compress"].startswith("sign") and c["momenta"] == "sign-step",
    "memory-without-scale": lambda c: c["name"] == "local" and c["compress"] == "ef-sign",
    "product": lambda c: c["name"] == "local" and c["compress"] == "ef-sign:mean-of-means",
    "norms-decay": lambda c: c["name"] == "local",
    "rate-forgotten": lambda c: c["name"] == "local" and c["momenta"] == "slowmo",
    "outer-at-once": lambda c: c["momenta"] == "from-switch",
    "stale-block": lambda c: c["name"] == "hierarchical-from" and (c["compress"] != "none" or has_outer(c)),
    "quadratic-stretches": lambda c: c["name"] == "quadratic" and c["momenta"] == "local",
    "ends-at-p": lambda c: c["name"] == "exponential" and c["momenta"] == "local",
}


def cases():
    for (name, (sync, schedule)), compress, momenta in itertools.product(SCHEDULES.items(), COMPRESSIONS, MOMENTA):
        if momenta == "from-switch" and not schedule.get("switch"):
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
