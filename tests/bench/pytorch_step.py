"""Forward + backward + Nesterov step in PyTorch; prints what `skein bench step --json` prints.
   pytorch_step.py --model resnet20 --batch 128 --size 32 --classes 10 --format nchw|nhwc --steps 30"""
import argparse
import json
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "oracle"))
from torch_models import make_model


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--model", default="resnet20")
    args.add_argument("--batch", type=int, default=128)
    args.add_argument("--size", type=int, default=32)
    args.add_argument("--classes", type=int, default=10)
    args.add_argument("--steps", type=int, default=30)
    args.add_argument("--warmup", type=int, default=5)
    args.add_argument("--format", choices=["nchw", "nhwc"], default="nhwc")
    args = args.parse_args()
    layout = torch.channels_last if args.format == "nhwc" else torch.contiguous_format
    torch.manual_seed(1)
    model = make_model(args.model, 3, args.classes).to(memory_format=layout)
    images = torch.randn(args.batch, 3, args.size, args.size).contiguous(memory_format=layout)
    labels = torch.randint(0, args.classes, (args.batch,))
    sgd = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4)
    seconds = []
    for step in range(-args.warmup, args.steps):
        start = time.perf_counter()
        sgd.zero_grad(set_to_none=True)
        F.cross_entropy(model(images), labels).backward()
        sgd.step()
        if step >= 0:
            seconds.append(time.perf_counter() - start)
    median = sorted(seconds)[len(seconds) // 2]
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"model": args.model, "batch": args.batch, "step_ms": median * 1e3,
                      "img_per_s": args.batch / median, "peak_rss_mb": rss}))


main()
