"""Networks with random weights, as `skein export` writes them, against other people's programs.
   export_check.py BUILD SCRATCH [--golden] [MODEL SHORTCUT DROPOUT CHANNELS HEIGHT WIDTH ...]

onnx checks each file, ONNX Runtime computes its logits with and without folded batch norms, for batches of three images
and of one. safetensors reads the file for PyTorch. Where torch is installed, the reference models of torch_models.py
load it and compute the logits; elsewhere names and shapes are compared with tests/golden/torch_names.json, which
--golden writes by torch. The largest difference is relative to the largest logit."""
import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
from safetensors import safe_open
from safetensors.numpy import load_file

try:
    import torch
    from torch_models import make_model
except ImportError:
    torch = None

TOLERANCE = 1e-5
GOLDEN = os.path.join(os.path.dirname(__file__), "../golden/torch_names.json")
CLASSES = ["plain", 'a "quoted" \\ one', "Größe 大", "line\nbreak", "", "[1, 2]"]  # of export_dump.cpp
# One of each kind of block, shortcut and width, of each registered name; odd sizes.
NETWORKS = """
    resnet20           B 0   3 15 18
    resnet8            A 0   1 15 18
    resnet18           A 0   3 33 40
    resnet50           B 0   3 33 40
    resnet9-16         B 0   3 15 18
    densenet40-12      B 0.2 3 15 18
    densenet22-8-stem20-half B 0 3 15 18
    densenet-bc-40-12  B 0.2 1 15 18
    wrn16-4            B 0.3 3 15 18
"""


def read_meta(values):
    return {key: json.loads(values[key]) for key in ("classes", "height", "width", "channels", "mean", "std")}


def check_meta(values, network, where):
    model, shortcut, _, channels, height, width = network
    assert values["model"] == model and values["shortcut"] == shortcut, where
    assert values["preprocessing"] == "centre-square", where
    read = read_meta(values)
    assert read["classes"] == CLASSES, (where, read["classes"])
    assert [read[k] for k in ("height", "width", "channels")] == [int(height), int(width), int(channels)], where
    assert np.allclose(read["mean"], [0.4914, 0.4822, 0.4465][: int(channels)]), where
    assert np.allclose(read["std"], [0.247, 0.2435, 0.2616][: int(channels)]), where


def difference(actual, expected):
    assert actual.shape == expected.shape, (actual.shape, expected.shape)
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


def onnx_difference(path, network, images, logits):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)], path
    check_meta({entry.key: entry.value for entry in model.metadata_props}, network, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (input,), (output,) = session.get_inputs(), session.get_outputs()
    assert (input.name, input.type, input.shape) == ("images", "tensor(float)", ["batch", *images.shape[1:]]), input
    assert (output.name, output.shape) == ("logits", ["batch", len(CLASSES)]), output
    run = lambda batch: session.run(["logits"], {"images": batch})[0]
    norms = sum(node.op_type == "BatchNormalization" for node in model.graph.node)
    return max(difference(run(images), logits), difference(run(images[:1]), logits[:1])), norms


def names_of(path):
    """Number of tensors, and a hash over names and shapes."""
    with safe_open(path, "np") as file:
        lines = sorted(f"{name} {list(file.get_slice(name).get_shape())}" for name in file.keys())
    return [len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()]


def reference_model(network):
    return make_model(network[0], int(network[3]), len(CLASSES), network[1])


def torch_difference(path, network, images, logits):
    model = reference_model(network).eval()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in load_file(path).items()})
    with torch.no_grad():
        return difference(model(torch.from_numpy(images)).numpy(), logits)


def torch_names(network):
    state = {n: t for n, t in reference_model(network).state_dict().items() if t.ndim > 0}
    lines = sorted(f"{name} {list(t.shape)}" for name, t in state.items())
    return [len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()]


def check_network(folder, network, golden):
    path = os.path.join(folder, f"{network[0]}-{network[1]}")
    run = load_file(path + ".run.safetensors")
    images, logits = np.ascontiguousarray(run["images"].transpose(0, 3, 1, 2)), run["logits"]
    plain, norms = onnx_difference(path + ".onnx", network, images, logits)
    folded, left = onnx_difference(path + ".folded.onnx", network, images, logits)
    with safe_open(path + ".torch.safetensors", "np") as file:
        assert file.metadata()["format"] == "pt"
        check_meta(file.metadata(), network, path)
    row = [plain, folded]
    if torch:
        row.append(torch_difference(path + ".torch.safetensors", network, images, logits))
    else:
        assert names_of(path + ".torch.safetensors") == golden[f"{network[0]}-{network[1]}"], path
    print(f"{network[0]:>26} {network[1]}  norms {norms:3} left {left:3}  " + "  ".join(f"{d:.1e}" for d in row),
          flush=True)
    return all(d <= TOLERANCE for d in row)  # false for a NaN


def check_program(skein, folder, network):
    """The program itself writes the same bytes as skein_exports, from a checkpoint."""
    stem = os.path.join(folder, f"{network[0]}-{network[1]}")
    for flags, name in ((["--to", "onnx"], ".onnx"), (["--to", "onnx", "--fold-batch-norm"], ".folded.onnx"),
                        (["--to", "torch"], ".torch.safetensors")):
        out = os.path.join(folder, "program" + name)
        subprocess.run([skein, "export", *flags, os.path.join(folder, "checkpoint"), "--out", out], check=True,
                       stdout=subprocess.DEVNULL)
        assert open(out, "rb").read() == open(stem + name, "rb").read(), name


def main(build, folder, *flags):
    words = NETWORKS.split() if len(flags) < 6 else list(flags)
    networks = [words[i : i + 6] for i in range(0, len(words), 6)]
    if "--golden" in flags:
        rows = (json.dumps(f"{n[0]}-{n[1]}") + ": " + json.dumps(torch_names(n)) for n in networks)
        open(GOLDEN, "w").write("{\n" + ",\n".join(rows) + "\n}\n")
        return
    subprocess.run([os.path.join(build, "skein_exports"), folder, *words], check=True)
    check_program(os.path.join(build, "skein"), folder, networks[0])
    print("relative difference of ONNX Runtime's logits, with folded batch norms, " +
          ("and of PyTorch's" if torch else "without PyTorch: names and shapes only"))
    golden = json.load(open(GOLDEN))
    if not all([check_network(folder, network, golden) for network in networks]):
        sys.exit(f"more than the allowed {TOLERANCE:.0e}")


if __name__ == "__main__":
    main(*sys.argv[1:])
