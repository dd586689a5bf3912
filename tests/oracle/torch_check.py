"""Repeats in PyTorch the run that skein_oracle dumped and compares loss, logits and gradients of the first step and the
losses of all steps.   torch_check.py DUMP.safetensors [--golden OUT.safetensors]

A ReLU whose input is within rounding of zero may be active in one program and not in the other, which changes every
gradient before it by about a thousandth. Large batches and deep networks always have a few; PyTorch's own f32 and f64
differ by as much (ResNet-50: 2e-2). The tolerance of gradients is 1e-4 for runs without such ReLUs, that is, with a
small batch or with skein_oracle's OFFSET, and --gradients for others.

Exit status 77 (skipped) if PyTorch is not installed. Layout: convolution weights are (out, kh, kw, in) in skein and
(out, in, kh, kw) in PyTorch; names are the same."""
import argparse
import json
import struct
import sys

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
    from torch_models import make_model
except ImportError as missing:
    print(f"skipped: {missing}; apt install python3-torch python3-numpy")
    sys.exit(77)

DTYPES = {"F32": np.float32, "I32": np.int32}


def read_safetensors(path):
    raw = open(path, "rb").read()
    (n,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + n])
    meta = header.pop("__metadata__", {})
    data = raw[8 + n :]
    return meta, {
        name: np.frombuffer(data[slice(*t["data_offsets"])], DTYPES[t["dtype"]]).reshape(t["shape"])
        for name, t in header.items()
    }


def write_safetensors(path, tensors):
    header, blob = {}, b""
    for name, a in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(a.shape), "data_offsets": [len(blob), len(blob) + a.nbytes]}
        blob += a.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + blob)


def to_torch(a):
    return torch.from_numpy((a.transpose(0, 3, 1, 2) if a.ndim == 4 else a).copy())


def to_skein(t):
    a = t.detach().numpy().copy()
    return np.ascontiguousarray(a.transpose(0, 2, 3, 1) if a.ndim == 4 else a)


def run_torch(meta, dump, dtype=torch.float32):
    channels, classes = dump["images.0"].shape[3], dump["logits"].shape[1]
    model = make_model(meta["model"], channels, classes, meta["shortcut"]).to(dtype)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(to_torch(dump["param." + name]))
    plain = [p for p in model.parameters() if p.ndim > 1] + [model.fc.bias]
    norms = [p for n, p in model.named_parameters() if p.ndim == 1 and n != "fc.bias"]
    groups = [{"params": plain, "weight_decay": 1e-4}, {"params": norms, "weight_decay": 0.0}]
    sgd = torch.optim.SGD(groups, lr=float(meta["rate"]), momentum=0.9, nesterov=True)
    results, losses = {}, []
    for step in range(len(dump["losses"])):
        logits = model(to_torch(dump[f"images.{step}"]).to(dtype))
        loss = F.cross_entropy(logits, torch.from_numpy(dump[f"labels.{step}"].astype(np.int64)))
        sgd.zero_grad()
        loss.backward()
        if step == 0:
            results = {"grad." + n: to_skein(p.grad) for n, p in model.named_parameters()}
            results["logits"] = to_skein(logits)
        losses.append(loss.item())
        sgd.step()
    results["losses"] = np.array(losses, np.float32)
    return results


def scale_of(name, results):
    """Scale of a gradient: its norm. The beta of a batch norm that is followed by a convolution and a batch norm can be
    without effect; its gradient is then a sum of terms that cancel. The gradient of gamma has terms of the same size,
    so the larger of the two norms is used."""
    norm = np.linalg.norm(results[name])
    gamma = results.get(name.removesuffix("bias") + "weight")
    return max(norm, np.linalg.norm(gamma)) if name.endswith("bias") and gamma.ndim == 1 else norm


def main():
    args = argparse.ArgumentParser()
    args.add_argument("dump")
    args.add_argument("--golden", help="write PyTorch's results here")
    args.add_argument("--gradients", type=float, default=1e-4, help="largest relative error per tensor")
    args = args.parse_args()
    meta, dump = read_safetensors(args.dump)
    results = run_torch(meta, dump)
    bad = 0
    worst = 0.0
    for name, expected in results.items():
        if name == "losses":
            continue
        error = np.linalg.norm(dump[name] - expected) / scale_of(name, results)
        worst = max(worst, error)
        bad += not error <= args.gradients
        if not error <= args.gradients:
            print(f"{name}: relative error {error:.2e}, more than {args.gradients:g}")
    curve = np.abs(dump["losses"] / results["losses"] - 1)
    bad += not curve[0] <= 1e-5 or not curve.max() <= 1e-2
    print(f"{meta['model']} shortcut {meta['shortcut']}: {len(results) - 2} gradients and the logits,"
          f" worst relative error {worst:.2e};"
          f" losses {results['losses'][0]:.4f} to {results['losses'][-1]:.4f} in {len(curve)} steps,"
          f" first apart by {curve[0]:.1e}, worst by {curve.max():.1e}")
    if args.golden:
        write_safetensors(args.golden, results)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
