"""Computes in PyTorch, in double and by double backward, the three largest eigenvalues of the Hessian and z' H z of the
probes that skein_geometry_dump wrote, and compares.   geometry_check.py DUMP.safetensors [--tolerance X] [--golden]

skein's products are differences of f32 gradients over a step, so ReLUs whose inputs change their sign within it count,
while double backward leaves them out. With the dump's OFFSET every ReLU is far from its kink.
--golden prints PyTorch's numbers as a line of tests/golden/geometry.jsonl. Exit status 77 (skipped): no PyTorch."""
import argparse
import json
import sys

from torch_check import np, read_safetensors, to_torch  # exits with 77 where PyTorch is missing
from torch_models import make_model
import torch
import torch.nn.functional as F


def lanczos(product, n, steps=80, count=3):
    """The largest eigenvalues; vectors in double, fully re-orthogonalised."""
    q = [torch.from_numpy(np.random.default_rng(1).standard_normal(n))]
    q[0] /= q[0].norm()
    alpha, beta = [], []
    for _ in range(steps):
        w = product(q[-1])
        alpha.append(torch.dot(w, q[-1]).item())
        basis = torch.stack(q)
        for _ in range(2):
            w = w - basis.T @ (basis @ w)
        beta.append(w.norm().item())
        q.append(w / beta[-1])
    t = np.diag(alpha) + np.diag(beta[:-1], 1) + np.diag(beta[:-1], -1)
    values, vectors = np.linalg.eigh(t)
    residuals = np.abs(beta[-1] * vectors[-1])
    assert residuals[-count:].max() < 1e-6 * values[-1], "PyTorch's eigenvalues have not converged"
    return values[::-1][:count]


def curvature(meta, dump):
    channels, classes = dump["images.0"].shape[3], 10
    model = make_model(meta["model"], channels, classes, meta["shortcut"]).double()
    names = [name for name, _ in model.named_parameters()]
    parameters = list(model.parameters())
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(to_torch(dump["param." + name]))
    loss = F.cross_entropy(model(to_torch(dump["images.0"]).double()),
                           torch.from_numpy(dump["labels.0"].astype(np.int64)))
    gradient = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, parameters, create_graph=True)])

    def product(v):
        parts = torch.autograd.grad(gradient, parameters, v, retain_graph=True)
        return torch.cat([p.reshape(-1) for p in parts])

    forms = []
    for number in range(4):
        z = torch.cat([to_torch(dump[f"probe.{number}.{name}"]).reshape(-1) for name in names]).double()
        forms.append(torch.dot(z, product(z)).item())
    return {"loss": loss.item(), "eigenvalues": list(lanczos(product, len(gradient))), "forms": forms}


def main():
    args = argparse.ArgumentParser()
    args.add_argument("dump")
    args.add_argument("--tolerance", type=float, default=1e-3, help="largest error, relative to the largest eigenvalue")
    args.add_argument("--golden", action="store_true")
    args = args.parse_args()
    meta, dump = read_safetensors(args.dump)
    expected = curvature(meta, dump)
    images = dump["images.0"].shape
    if args.golden:
        print(json.dumps({"model": meta["model"], "batch": images[0], "size": images[1],
                          "offset": float(meta["offset"]), **expected}))
    bad = 0
    for name in ("loss", "eigenvalues", "forms"):
        value = np.atleast_1d(np.array(expected[name]))
        error = np.abs(dump[name] - value).max() / np.abs(value).max()
        bad += not error <= args.tolerance
        print(f"{meta['model']} offset {meta['offset']}: {name} {value}, relative error {error:.1e}", file=sys.stderr)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
