"""Forward + backward + Nesterov step of ResNet-20 in PyTorch; prints what `skein bench step --json` prints.
   pytorch_step.py --batch 128 --format nchw|nhwc --steps 30"""
import argparse
import json
import resource
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(out)).add_(identity), inplace=True)


def resnet20():
    layers, i = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)], 16
    for o, stride in ((16, 1), (32, 2), (64, 2)):
        for k in range(3):
            layers.append(Block(i, o, stride if k == 0 else 1))
            i = o
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--batch", type=int, default=128)
    args.add_argument("--steps", type=int, default=30)
    args.add_argument("--warmup", type=int, default=5)
    args.add_argument("--format", choices=["nchw", "nhwc"], default="nhwc")
    args = args.parse_args()
    layout = torch.channels_last if args.format == "nhwc" else torch.contiguous_format
    torch.manual_seed(1)
    model = resnet20().to(memory_format=layout)
    images = torch.randn(args.batch, 3, 32, 32).contiguous(memory_format=layout)
    labels = torch.randint(0, 10, (args.batch,))
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
    print(json.dumps({"model": "resnet20", "batch": args.batch, "step_ms": median * 1e3,
                      "img_per_s": args.batch / median, "peak_rss_mb": rss}))


main()
