"""Forward + backward + Nesterov step in PyTorch; prints the part of what `skein bench step --json` prints that
   compare.py reads.
   pytorch_step.py --model resnet20 --batch 128 --size 32 --classes 10 --format nchw|nhwc --steps 30
   ... --compile              the network through torch.compile
   ... --device cuda --dtype f32 tf32 bf16   a line for each: kernel by kernel, and the whole step as one CUDA graph;
   under autocast for bf16, f32 without TF32, as skein has them
Exit status 2: PyTorch sees no GPU."""
import argparse
import contextlib
import json
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "oracle"))
from torch_models import make_model


def parse():
    args = argparse.ArgumentParser()
    args.add_argument("--model", default="resnet20")
    args.add_argument("--batch", type=int, default=128)
    args.add_argument("--size", type=int, default=32)
    args.add_argument("--classes", type=int, default=10)
    args.add_argument("--steps", type=int, default=30)
    args.add_argument("--warmup", type=int, default=5)
    args.add_argument("--format", choices=["nchw", "nhwc"], default="nhwc")
    args.add_argument("--compile", action="store_true")
    args.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    args.add_argument("--dtype", choices=["f32", "tf32", "bf16"], nargs="+", default=["f32"])
    return args.parse_args()


def device_memory_mb():
    free, total = torch.cuda.mem_get_info()
    return (total - free) * 1e-6


def median_seconds(args, run):
    seconds = []
    for step in range(-args.warmup, args.steps):
        start = time.perf_counter()
        run()
        if args.device == "cuda":
            torch.cuda.synchronize()
        if step >= 0:
            seconds.append(time.perf_counter() - start)
    return sorted(seconds)[len(seconds) // 2]


def as_graph(step, sgd):
    """The step, captured: PyTorch's notes on CUDA graphs, "Whole-network capture"."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            sgd.zero_grad(set_to_none=True)
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    sgd.zero_grad(set_to_none=True)
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def case_of(args, dtype, how, median):
    return {"case": f"{args.model}/batch={args.batch}/size={args.size}" + (f"/{how}" if how else ""), "types": dtype,
            "unit": "s", "median": median, "rates": {"img_per_s": args.batch / median}}


def measure(args, dtype):
    gpu = args.device == "cuda"
    torch.backends.cudnn.allow_tf32 = dtype == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.benchmark = gpu
    layout = torch.channels_last if args.format == "nhwc" else torch.contiguous_format
    torch.manual_seed(1)
    model = make_model(args.model, 3, args.classes).to(args.device, memory_format=layout)
    network = torch.compile(model) if args.compile else model
    images = torch.randn(args.batch, 3, args.size, args.size).to(args.device).contiguous(memory_format=layout)
    labels = torch.randint(0, args.classes, (args.batch,)).to(args.device)
    sgd = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4)

    def step():
        with torch.autocast(args.device, torch.bfloat16) if dtype == "bf16" else contextlib.nullcontext():
            loss = F.cross_entropy(network(images), labels)
        loss.backward()
        sgd.step()

    def eager():
        sgd.zero_grad(set_to_none=True)
        step()

    median = median_seconds(args, eager)
    line = {"bench": "step", "device": args.device, "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "cases": [case_of(args, dtype, "one_by_one" if gpu else "", median)]}
    if gpu:
        line |= {"machine": {"gpu": torch.cuda.get_device_name()}, "device_memory_mb": device_memory_mb()}
        line["cases"].append(case_of(args, dtype, "graph", median_seconds(args, as_graph(step, sgd))))
    print(json.dumps(line), flush=True)


def main():
    args = parse()
    if args.device == "cuda" and not torch.cuda.is_available():
        print(f"pytorch_step.py: PyTorch {torch.__version__} sees no GPU; use --device cpu", file=sys.stderr)
        sys.exit(2)
    for dtype in args.dtype:
        measure(args, dtype)
        if args.device == "cuda":
            torch.cuda.empty_cache()


main()
