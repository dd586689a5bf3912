"""skein's models in PyTorch, as the public code writes them: parameters have the same names and the same order.
make_model("resnet50" | "resnet20" | "densenet40-12" | "densenet-bc-100-12" | "wrn28-10" ..., channels, classes)"""
import re

import torch
import torch.nn as nn
import torch.nn.functional as F


def conv(i, o, kernel, stride=1):
    return nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=False)


class Shortcut(nn.Module):
    """The identity, cut and padded with zero channels (A) where the shape changes."""

    def __init__(self, stride, extra):
        super().__init__()
        self.stride, self.extra = stride, extra

    def forward(self, x):
        if self.stride == 1 and self.extra == 0:
            return x
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))


def shortcut(i, o, stride, kind):
    if kind == "A" or (stride == 1 and i == o):
        return Shortcut(stride, o - i)
    return nn.Sequential(conv(i, o, 1, stride), nn.BatchNorm2d(o))


class Basic(nn.Module):
    expansion = 1

    def __init__(self, i, width, stride, kind):
        super().__init__()
        self.conv1, self.bn1 = conv(i, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)
        self.downsample = shortcut(i, width, stride, kind)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(out)).add_(self.downsample(x)), inplace=True)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, i, width, stride, kind):
        super().__init__()
        self.conv1, self.bn1 = conv(i, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        self.downsample = shortcut(i, 4 * width, stride, kind)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = F.relu(self.bn2(self.conv2(out)), inplace=True)
        return F.relu(self.bn3(self.conv3(out)).add_(self.downsample(x)), inplace=True)


class ResNet(nn.Module):
    def __init__(self, block, stages, stem, channels, classes, kind):
        super().__init__()
        large = stem == 64
        self.conv1, self.bn1 = conv(channels, stem, 7 if large else 3, 2 if large else 1), nn.BatchNorm2d(stem)
        self.pool = nn.MaxPool2d(3, 2, 1) if large else nn.Identity()
        self.stages, i = len(stages), stem
        for s, count in enumerate(stages):
            blocks = []
            for k in range(count):
                blocks.append(block(i, stem << s, 2 if s and not k else 1, kind))
                i = block.expansion * (stem << s)
            setattr(self, f"layer{s + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(i, classes)

    def forward(self, x):
        x = self.pool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        for s in range(self.stages):
            x = getattr(self, f"layer{s + 1}")(x)
        return self.fc(x.mean((2, 3)))


class DenseLayer(nn.Module):
    def __init__(self, i, growth, bottleneck):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(i), conv(i, 4 * growth if bottleneck else growth, 1 if bottleneck else 3)
        if bottleneck:
            self.bn2, self.conv2 = nn.BatchNorm2d(4 * growth), conv(4 * growth, growth, 3)

    def forward(self, x):
        out = self.conv1(F.relu(self.bn1(x), inplace=True))
        if hasattr(self, "conv2"):
            out = self.conv2(F.relu(self.bn2(out), inplace=True))
        return torch.cat([x, out], 1)


class DenseBlock(nn.Module):
    def __init__(self, i, count, growth, bottleneck):
        super().__init__()
        self.layer = nn.Sequential(*(DenseLayer(i + k * growth, growth, bottleneck) for k in range(count)))

    def forward(self, x):
        return self.layer(x)


class Transition(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(i), conv(i, o, 1)

    def forward(self, x):
        return F.avg_pool2d(self.conv1(F.relu(self.bn1(x), inplace=True)), 2)


class DenseNet(nn.Module):
    def __init__(self, depth, growth, bottleneck, stem, half, channels, classes):
        super().__init__()
        self.conv1, i, count = conv(channels, stem, 3), stem, (depth - 4) // (6 if bottleneck else 3)
        for b in (1, 2, 3):
            setattr(self, f"block{b}", DenseBlock(i, count, growth, bottleneck))
            i += count * growth
            if b < 3:
                setattr(self, f"trans{b}", Transition(i, i // 2 if half else i))
                i = i // 2 if half else i
        self.bn1, self.fc = nn.BatchNorm2d(i), nn.Linear(i, classes)

    def forward(self, x):
        x = self.trans2(self.block2(self.trans1(self.block1(self.conv1(x)))))
        return self.fc(F.relu(self.bn1(self.block3(x)), inplace=True).mean((2, 3)))


class WideBlock(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(i), conv(i, o, 3, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(o), conv(o, o, 3)
        self.convShortcut = conv(i, o, 1, stride) if i != o or stride != 1 else None

    def forward(self, x):
        a = F.relu(self.bn1(x), inplace=True)
        out = self.conv2(F.relu(self.bn2(self.conv1(a)), inplace=True))
        return out + (x if self.convShortcut is None else self.convShortcut(a))


class WideGroup(nn.Module):
    def __init__(self, i, o, count, stride):
        super().__init__()
        self.layer = nn.Sequential(*(WideBlock(o if k else i, o, 1 if k else stride) for k in range(count)))

    def forward(self, x):
        return self.layer(x)


class WideResNet(nn.Module):
    def __init__(self, depth, width, channels, classes):
        super().__init__()
        count = (depth - 4) // 6
        self.conv1 = conv(channels, 16, 3)
        self.block1 = WideGroup(16, 16 * width, count, 1)
        self.block2 = WideGroup(16 * width, 32 * width, count, 2)
        self.block3 = WideGroup(32 * width, 64 * width, count, 2)
        self.bn1, self.fc = nn.BatchNorm2d(64 * width), nn.Linear(64 * width, classes)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(F.relu(self.bn1(x), inplace=True).mean((2, 3)))


class ResNet9Stage(nn.Module):
    def __init__(self, i, residual):
        super().__init__()
        self.conv, self.bn = conv(i, 2 * i, 3), nn.BatchNorm2d(2 * i)
        self.block = Basic(2 * i, 2 * i, 1, "B") if residual else nn.Identity()

    def forward(self, x):
        return self.block(F.relu(self.bn(F.max_pool2d(self.conv(x), 3, 2, 1)), inplace=True))


class ResNet9(nn.Module):
    def __init__(self, width, channels, classes):
        super().__init__()
        self.conv1, self.bn1 = conv(channels, width, 3), nn.BatchNorm2d(width)
        for s in range(3):
            setattr(self, f"layer{s + 1}", ResNet9Stage(width << s, s != 1))
        self.fc = nn.Linear(8 * width, classes)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)), inplace=True))))
        return self.fc(x.mean((2, 3)))


STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def make_model(name, channels=3, classes=10, kind="B"):
    if m := re.fullmatch(r"resnet9(?:-(\d+))?", name):
        return ResNet9(int(m[1] or 64), channels, classes)
    if m := re.fullmatch(r"resnet(\d+)", name):
        depth = int(m[1])
        if depth in STAGES:
            return ResNet(Basic if depth < 50 else Bottleneck, STAGES[depth], 64, channels, classes, kind)
        return ResNet(Basic, ((depth - 2) // 6,) * 3, 16, channels, classes, kind)
    if m := re.fullmatch(r"densenet(-bc-)?(\d+)-(\d+)(?:-stem(\d+))?(-half)?", name):
        growth, bc = int(m[3]), bool(m[1])
        stem = int(m[4] or (2 * growth if bc else 16))
        return DenseNet(int(m[2]), growth, bc, stem, bc or bool(m[5]), channels, classes)
    if m := re.fullmatch(r"wrn(\d+)-(\d+)", name):
        return WideResNet(int(m[1]), int(m[2]), channels, classes)
    raise SystemExit(f"no model {name}")
