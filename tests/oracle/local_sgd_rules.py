"""The rules of local SGD in numpy, written from the papers: when K workers average, what travels, and one step.

Each rule computes in the type `t`. `wrong` names deliberate mistakes (tests/oracle/local_sgd.py).
Sources: Lin, Stich, Patel, Jaggi, arXiv 1808.07217 (algorithms 1 to 5, epfml/LocalSGD-Code); SlowMo, arXiv 1910.00643;
DiLoCo, arXiv 2311.08105; QSR, arXiv 2310.14423.
"""
import math

import numpy as np

from local_sgd_codes import largest_numbers, quantised, scaled, signs, to_bf16

WORKERS, BATCH, STEPS_PER_EPOCH, EPOCHS = 4, 2, 3, 4
RUN = dict(model="densenet7-2-stem4", data="synthetic", epochs=EPOCHS, batch=BATCH, workers=WORKERS, lr=0.05,
           warmup_epochs=1, base_batch=4, synthetic_train=WORKERS * BATCH * STEPS_PER_EPOCH, synthetic_test=2,
           synthetic_size=8, drops=[0.5, 0.75], weight_decay=0.01, threads=1)


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


def scopes(rate, h, switch=0, reverse=False, hb=1, block=0, alpha=0, warm=None, p=0, restart=False, delay=0, mix=0,
           wrong=()):
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


def merges(scope, delay, wrong=()):
    """The scopes of the averagings that the models get after each step: `delay` steps later where the next is further."""
    out, at = [0] * len(scope), [s for s, x in enumerate(scope) if x]
    for s, following in zip(at, at[1:] + [0]):
        far = following > s + delay or (following >= s + delay and "merge-at-the-next" in wrong)
        out[s + delay if far else s] = scope[s]
    return out


def merge(case, value, pending, t, wrong):
    """A worker's parameters with what has come back; pending: c' - w when it was sent, or c' where it is mixed."""
    a = t(case["schedule"].get("mix", 0))
    if a == 0:
        return t(value) * (0 if "steps-dropped" in wrong else 1) + t(pending)
    return (a if "mix-swapped" in wrong else 1 - a) * t(value) + (1 - a if "mix-swapped" in wrong else a) * t(pending)


def pending_of(case, sent, consensus, t):
    return consensus if case["schedule"].get("mix", 0) else consensus - t(sent)


def mean_by_blocks(layout, form, exact, state, ranks, t, wrong):
    """As mean_difference(), of quantised numbers and of the largest ones. exact: differences in f32, with the memory."""
    feedback, k = form.startswith("ef-"), len(exact)
    name, *settings = form.removeprefix("ef-").split(":")
    block = 4096 if name == "topk" else int(settings[0][6:]) if settings and settings[0].startswith("block=") else 256

    def code(d, t):
        if name == "topk":
            return t(largest_numbers(d, float(settings[0]), wrong))
        return quantised(d, int(name[1]), block, t, wrong)

    sent = [code(d, t) for d in exact]
    if feedback and "memory-kept" not in wrong:
        state["error"] = [t(d) - x for d, x in zip(exact, sent)]
    mean = sum(sent) / t(k)
    if not form.endswith("two-way"):
        return mean
    single = sum((code(d, np.float32) for d in exact), np.float32(0)) * np.float32(1 / k)
    if not feedback:
        return code(single, t)
    blocks = -(-layout["size"] // block)
    owner = np.arange(len(mean)) // (block * -(-blocks // k))
    memory = sum(state["owner_error"])  # every number has one owner, the others hold zero
    replies = code(memory + single, t)
    state["owner_error"] = [np.where(owner == r, t(memory) + mean - replies, t(0)) for r in range(k)]
    return replies


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
    if "sign" not in form:
        return mean_by_blocks(layout, form, exact, state, ranks, t, wrong)
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


MOMENTS = ("velocity", "second_moment", "updates")


def local_step(layout, case, before, g, rate, t, wrong):
    """The parameters and the moments after one step from the state `before`."""
    w, v, g = t(before["value"]), t(before["velocity"]), t(g)
    decay = np.zeros(len(w), t)
    decay[:len(w) if "norms-decay" in wrong else layout["decayed"]] = RUN["weight_decay"]
    if case["optimizer"] == "adamw":
        return adamw(w, v, t(before["second_moment"]), before["updates"] + 1, g, rate, decay, t)
    g = g + decay * w
    v = t(case["momentum"]) * v + g
    step = g + t(case["momentum"]) * v if case["nesterov"] else v
    return w - t(rate) * (np.sign(step) if case["sign_step"] else step), dict(velocity=v)


def adamw(w, first, second, updates, g, rate, decay, t, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Loshchilov, Hutter, arXiv 1711.05101, algorithm 2, with PyTorch's place of epsilon."""
    n = float(updates[0])
    first = first + t(1 - beta1) * (g - first)
    second = t(beta2) * second + t(1 - beta2) * g * g
    w = w * (t(1) - t(rate) * decay)
    w = w - t(rate / (1 - beta1 ** n)) * first / (np.sqrt(second) / t(math.sqrt(1 - beta2 ** n)) + t(epsilon))
    return w, dict(velocity=first, second_moment=second, updates=t(updates))


def synchronise_momentum(case, scope, number, moments, wrong):
    """The ranks' moments after the averaging of this scope; number: of averagings among all so far."""
    form, _, every = case["sync_momentum"].partition(":every=")
    acts = scope == "world" or (scope == "block" and "momentum-of-blocks" in wrong)
    if form == "keep" or not acts or "momentum-kept" in wrong:
        return moments
    if number % int(every or 1) != 0 and "every-averaging" not in wrong:
        return moments
    out = []
    for own in moments:
        new = dict(own)
        for name in own:
            if name == "updates":
                new[name] = own[name] * (0 if form == "reset" and "steps-kept" not in wrong else 1)
            elif name == "velocity" or "second-moment-kept" not in wrong:
                new[name] = 0 * own[name] if form == "reset" else sum(m[name] for m in moments) / own[name].dtype.type(WORKERS)
        out.append(new)
    return out


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
