"""The rules of training recipes in PyTorch's numbers: tests/golden/recipe.json, which tests/train/recipe_test.cpp
compares skein with.   recipe_check.py [GOLDEN.json] [--write]

Without --write the numbers are made anew and compared with the file. Exit status 0: they agree to 1e-6; 1: they do not;
77 (skipped): PyTorch is not installed."""
import argparse
import json
import os
import sys

try:
    import torch
    from torch import nn
    from torch.optim import lr_scheduler
except ImportError as missing:
    print(f"skipped: {missing}; apt install python3-torch")
    sys.exit(77)

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../golden/recipe.json")


def rates(make, rate, steps):
    """The learning rate of every step under the scheduler that make(optimizer) gives."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler, seen = make(optimizer), []
    for step in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < steps:  # OneCycleLR refuses a step after the last
            scheduler.step()
    return seen


def cosine(peak, minimum, start, steps_per_epoch, epochs, warm_epochs):
    steps, warm = steps_per_epoch * epochs, steps_per_epoch * warm_epochs

    def make(optimizer):
        wave = lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps - warm, eta_min=minimum)
        if warm == 0:
            return wave
        line = lr_scheduler.LinearLR(optimizer, start_factor=start / peak, total_iters=warm)
        return lr_scheduler.SequentialLR(optimizer, [line, wave], milestones=[warm])

    return {"peak": peak, "min": minimum, "start": start, "steps_per_epoch": steps_per_epoch, "epochs": epochs,
            "warm_epochs": warm_epochs, "rates": rates(make, peak, steps)}


def one_cycle(peak, rise, steps_per_epoch, epochs):
    steps = steps_per_epoch * epochs
    cycle = {"max_lr": peak, "total_steps": steps, "pct_start": rise, "cycle_momentum": False}
    return {"peak": peak, "rise": rise, "steps_per_epoch": steps_per_epoch, "epochs": epochs,
            "rates": rates(lambda o: lr_scheduler.OneCycleLR(o, **cycle), peak, steps)}


def cross_entropy(rows, classes, smoothing, mixed):
    logits = (torch.randn(rows, classes) * 3).requires_grad_()
    labels, second = torch.randint(classes, (rows,)), torch.randint(classes, (rows,))
    weight = torch.rand(rows)
    target = labels
    if mixed:
        hot = lambda t: nn.functional.one_hot(t, classes).float()
        target = weight[:, None] * hot(labels) + (1 - weight[:, None]) * hot(second)
    loss = nn.CrossEntropyLoss(label_smoothing=smoothing)(logits, target)
    loss.backward()
    made = {"classes": classes, "smoothing": smoothing, "logits": logits, "labels": labels, "loss": loss.item(),
            "gradient": logits.grad}
    return made | ({"second": second, "weight": weight} if mixed else {})


def clip_norm(sizes, most):
    parameters = [nn.Parameter(torch.zeros(n)) for n in sizes]
    for p in parameters:
        p.grad = torch.randn_like(p)
    before = torch.cat([p.grad.clone() for p in parameters])
    nn.utils.clip_grad_norm_(parameters, most)
    return {"most": most, "before": before, "after": torch.cat([p.grad for p in parameters])}


def adamw(n, decayed, rates, beta1, beta2, epsilon, decay):
    groups = [nn.Parameter(torch.randn(decayed)), nn.Parameter(torch.randn(n - decayed))]
    made = {"decayed": decayed, "rates": rates, "beta1": beta1, "beta2": beta2, "epsilon": epsilon, "decay": decay,
            "value": torch.cat([p.detach().clone() for p in groups]), "gradients": [], "after": []}
    optimizer = torch.optim.AdamW([{"params": groups[0], "weight_decay": decay},
                                   {"params": groups[1], "weight_decay": 0.0}], betas=(beta1, beta2), eps=epsilon)
    for rate in rates:
        for p, group in zip(groups, optimizer.param_groups):
            p.grad, group["lr"] = torch.randn_like(p) * 0.1, rate
        made["gradients"].append(torch.cat([p.grad.clone() for p in groups]))
        optimizer.step()
        made["after"].append(torch.cat([p.detach().clone() for p in groups]))
    return made


def ema(n, steps, decay):
    """The rule of timm.utils.ModelEmaV2 and of torch.optim.swa_utils.get_ema_multi_avg_fn, buffers included."""
    model = nn.BatchNorm1d(n)
    average = torch.optim.swa_utils.AveragedModel(
        model, avg_fn=lambda old, new, _: decay * old + (1 - decay) * new, use_buffers=True)
    average.n_averaged += 1  # starts as a copy of the model, as in timm
    made = {"decay": decay, "start": torch.cat([model.weight.detach().clone(), model.running_var.clone()]),
            "values": [], "after": []}
    for _ in range(steps):
        with torch.no_grad():
            model.weight.normal_()
            model.running_var.uniform_()
        average.update_parameters(model)
        made["values"].append(torch.cat([model.weight.detach().clone(), model.running_var.clone()]))
        made["after"].append(torch.cat([average.module.weight.detach().clone(), average.module.running_var.clone()]))
    return made


def make():
    torch.manual_seed(0)
    return {"cosine": [cosine(0.4, 0.0, 0.4, 5, 4, 0), cosine(0.5, 0.01, 0.05, 6, 5, 2)],
            "one_cycle": [one_cycle(1.0, 0.3, 10, 3), one_cycle(0.4, 0.23, 7, 4), one_cycle(0.1, 0.5, 3, 1)],
            "cross_entropy": [cross_entropy(7, 10, 0.1, False), cross_entropy(6, 5, 0.0, True),
                              cross_entropy(5, 12, 0.2, True)],
            "clip_norm": [clip_norm([17, 40, 7], 1.0), clip_norm([9, 30], 100.0)],
            "adamw": [adamw(40, 24, [0.001, 0.002, 0.003, 0.002], 0.9, 0.999, 1e-8, 0.05),
                      adamw(24, 24, [0.1, 0.1, 0.05], 0.8, 0.95, 1e-3, 0.5)],
            "ema": [ema(12, 5, 0.9), ema(6, 3, 0.9999)]}


def plain(x):
    if isinstance(x, torch.Tensor):
        return x.tolist()
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    return [plain(v) for v in x] if isinstance(x, list) else x


def difference(a, b):
    if isinstance(a, dict):
        return max(difference(a[k], b[k]) for k in a.keys() | b.keys())
    if isinstance(a, list):
        if len(a) != len(b):
            return float("inf")
        return max((difference(x, y) for x, y in zip(a, b)), default=0.0)
    return abs(a - b)


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("golden", nargs="?", default=GOLDEN)
    args.add_argument("--write", action="store_true")
    args = args.parse_args()
    made = plain(make())
    if args.write:
        with open(args.golden, "w") as f:
            json.dump(made, f)
            f.write("\n")
        return 0
    with open(args.golden) as f:
        stored = json.load(f)
    worst = {rule: difference(made[rule], stored[rule]) for rule in made}
    for rule, d in worst.items():
        print(f"{rule:14} {d:.2g}")
    return 0 if max(worst.values()) <= 1e-6 else 1


if __name__ == "__main__":
    sys.exit(main())
