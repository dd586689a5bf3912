"""What arrives of a vector that is sent in few bits, in numpy, written from the papers.

Each rule computes in the type `t`. `wrong` names deliberate mistakes (tests/oracle/local_sgd.py).
Sources: Philox, Salmon et al., SC 2011; quantisation, QSGD, arXiv 1610.02132, and ternary weights, arXiv 1605.04711;
top-k, sparsified SGD with memory, arXiv 1809.07599; signs, algorithm 3 of arXiv 1808.07217.
"""
import math

import numpy as np


def philox(counter, key):
    """Philox4x32-10; counter: four arrays of u64 with 32 bits each."""
    a, b, c, d = counter
    k0, k1 = key
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
        a, b, c, d = (q >> np.uint64(32)) ^ b ^ np.uint64(k0), q & low, (p >> np.uint64(32)) ^ d ^ np.uint64(k1), p & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return a


def signs(numbers, segments, step, rank, reply=False, wrong=()):
    """+-1 of each number of the segments in their order, a fair draw for a zero; 0 between the segments."""
    out, bit = np.zeros(len(numbers), np.int8), 0
    for begin, count in segments:
        x = numbers[begin:begin + count]
        q = np.sign(x).astype(np.int8)
        zeros = np.flatnonzero(x == 0).astype(np.uint64)
        if len(zeros):
            at = zeros + np.uint64(bit)
            word, one = at // np.uint64(32), np.ones_like(at)
            draw = philox((word, rank * one, int(reply) * one, 0 * one), (step & 0xFFFFFFFF, step >> 32))
            minus = draw >> (at % np.uint64(32)) & one == one
            q[zeros.astype(np.int64)] = np.where(minus & ("zero-is-plus" not in wrong), -1, 1)
        out[begin:begin + count] = q
        bit += count
    return out


def to_bf16(x):
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def scaled(d, segments):
    """s of every number: mean magnitude over its tensor."""
    out = np.zeros_like(d)
    for begin, count in segments:
        out[begin:begin + count] = np.mean(np.abs(d[begin:begin + count]))
    return out


def lane_sums(x):
    """Sums of the rows of blocks in f32, as kernels/quantise.h orders them: 32 lanes, then by halves."""
    lanes = np.zeros((len(x), 32), np.float32)
    for i in range(0, x.shape[1], 32):
        lanes += x[:, i:i + 32]
    while lanes.shape[1] > 1:
        lanes = lanes[:, :lanes.shape[1] // 2] + lanes[:, lanes.shape[1] // 2:]
    return lanes


def quantised(d, bits, block, t, wrong=()):
    """What arrives of d. Codes are those of f32, which are exact here; scales and products are in t."""
    x = np.pad(d, (0, -len(d) % block)).reshape(-1, block)
    levels, size = 2 ** (bits - 1) - 1, np.abs(x)
    largest = size.max(axis=1, keepdims=True)
    single, scale = largest / np.float32(levels), t(largest) / t(levels)
    if bits == 2:
        above = size >= np.float32(0.75) * (lane_sums(size) / np.float32(block))
        single = lane_sums(np.where(above, size, np.float32(0))) / lane_sums(above.astype(np.float32))
        scale = np.sum(t(size) * above, axis=1, keepdims=True) / np.sum(above, axis=1, keepdims=True).astype(t)
    codes = np.rint(np.clip(x / np.where(single > 0, single, np.float32(1)), -levels, levels)) * (single > 0)
    if "scale-of-next-block" in wrong:
        scale = np.roll(scale, 1, axis=0)
    return (t(codes) * scale).reshape(-1)[:len(d)]


def largest_numbers(d, fraction, wrong=()):
    """The largest magnitudes of every block; equal ones by index."""
    out = np.zeros_like(d)
    for first in range(0, len(d), 4096):
        size = np.abs(d[first:first + 4096])
        k = min(len(size), math.floor(4096 * fraction + 0.5))
        chosen = np.argsort(-size, kind="stable")[:k]
        if "ties-from-the-end" in wrong:
            chosen = len(size) - 1 - np.argsort(-size[::-1], kind="stable")[:k]
        out[first + chosen] = d[first + chosen]
    return out
