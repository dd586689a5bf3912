"""Augmentation as torchvision (on PIL images) and timm compute it, for tests/data/golden_augment_test.cpp.
   augment_golden.py > tests/golden/augment.txt      needs torch, torchvision, timm, numpy and pillow
   op IMAGE OP HASH            FNV-1a of the pixels of TrivialAugmentWide's operation with every strength and sign
   erase H W SAMPLE BOX        RandomErasing's box, its uniform numbers taken from our random words
   cutmix H W LAMBDA Y X BOX SHARE   timm's box and corrected lambda around the pixel (Y, X)"""
import math
import types

import numpy as np
import PIL.Image
import timm.data.mixup as timm_mixup
import torch
import torchvision.transforms as T
import torchvision.transforms.autoaugment as autoaugment
import torchvision.transforms.transforms as transforms

SEED, EPOCH = 7, 3
ERASE = 8  # Purpose::erase of base/random.h


def philox(counter, key):
    a, b, c, d = counter
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q >> 32) ^ b ^ k0, q & 0xFFFFFFFF, (p >> 32) ^ d ^ k1, p & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return a, b, c, d


def pattern(height, width, channels, kind):
    """The images of the test: 0 noise, 1 a slope with little contrast, 2 one value, 3 a few values."""
    image = np.zeros((height, width, channels), np.uint8)
    state = kind + 1
    for index in np.ndindex(image.shape):
        y, x, c = index
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        noise = state >> 24
        image[index] = (noise, 90 + 2 * y + x + 10 * c + noise % 5, 77, 60 * (noise % 4) + 20 * c)[kind]
    return image


IMAGES = [(32, 32, 3, 0), (32, 32, 3, 1), (17, 23, 3, 3), (28, 28, 1, 1), (28, 28, 1, 0), (8, 8, 3, 2), (1, 2, 3, 0)]


def fnv(chunks):
    hash = 0xCBF29CE484222325
    for chunk in chunks:
        for byte in chunk:
            hash = ((hash ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return hash


def outputs(image, name, magnitudes, signed):
    pil = PIL.Image.fromarray(image if image.shape[2] == 3 else image[:, :, 0])
    for k in range(31):
        for sign in (1.0, -1.0):
            magnitude = sign * float(magnitudes[k].item()) if signed else float(magnitudes[k].item()) if magnitudes.ndim else 0.0
            yield np.asarray(autoaugment._apply_op(pil, name, magnitude, T.InterpolationMode.NEAREST, None)).tobytes()


def print_ops():
    for i, shape in enumerate(IMAGES):
        image = pattern(*shape)
        space = T.TrivialAugmentWide()._augmentation_space(31)
        for op, (name, (magnitudes, signed)) in enumerate(space.items()):
            print("op", i, op, f"{fnv(outputs(image, name, magnitudes, signed)):016x}")


class Draws:
    """Stands for torch in RandomErasing.get_params: its numbers are our random words."""

    def __init__(self, sample):
        self.sample, self.attempt, self.place = sample, 0, 2
        self.word = 1

    def words(self):
        return philox((self.attempt, self.sample, EPOCH, ERASE), SEED)

    def empty(self, _):
        self.word = 1 - self.word
        self.attempt += self.word == 0
        self.place = 2
        return types.SimpleNamespace(uniform_=self.uniform)

    def uniform(self, low, high):
        u = float(self.words()[self.word] >> 8) * 2.0**-24
        return types.SimpleNamespace(item=lambda: low + (high - low) * u)

    def exp(self, x):
        return types.SimpleNamespace(item=lambda: math.exp(x.item()))

    def log(self, x):
        return [math.log(v) for v in x]

    def tensor(self, x):
        return x if isinstance(x, tuple) else torch.tensor(x)

    def randint(self, low, high, size):
        word = self.words()[self.place]
        self.place += 1
        return types.SimpleNamespace(item=lambda: low + (word * (high - low) >> 32))


def print_erased():
    for height, width in ((32, 32), (28, 28), (9, 50), (224, 224)):
        for sample in range(40):
            transforms.torch = Draws(sample)
            top, left, h, w, value = T.RandomErasing.get_params(
                torch.zeros(3, height, width), (0.02, 0.33), (0.3, 3.3), [0.0])
            transforms.torch = torch
            if value.ndim == 3 and value.shape[0] == 3:  # ten tries failed
                top = left = h = w = 0
            print("erase", height, width, sample, top, left, h, w)


def print_cutmix():
    for height, width in ((32, 32), (28, 28), (9, 50)):
        for i in range(24):
            u = [w / 2.0**32 for w in philox((i, height, width, 0), SEED)]
            lam, y, x = u[0], int(u[1] * height), int(u[2] * width)
            places = iter((y, x))
            original, np.random.randint = np.random.randint, lambda *a, **k: next(places)
            (yl, yh, xl, xh), share = timm_mixup.cutmix_bbox_and_lam((1, 3, height, width), lam)
            np.random.randint = original
            print("cutmix", height, width, repr(lam), y, x, yl, xl, yh - yl, xh - xl, repr(float(share)))


if __name__ == "__main__":
    print_ops()
    print_erased()
    print_cutmix()
