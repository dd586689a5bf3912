#!/usr/bin/env python3
"""Makes the PNG and WebP files of tests/images (Pillow for WebP) and, with GOLDEN, meta*.mat (numpy, scipy).
Usage: image_types.py tests/images [GOLDEN]"""
import struct
import sys
import zlib

from PIL import Image

out = sys.argv[1] + "/"


def pixel(image, y, x, c):  # test_pixel of tests/support/data_files.h
    return (31 * image + 7 * y + 3 * x + 101 * c) % 256


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(name, width, height, depth, colour, rows, interlace=0, extra=b""):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    data = zlib.compress(b"".join(b"\0" + r for r in rows))
    with open(out + name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b""))


w, h = 6, 5
rgb = [[bytes(pixel(3, y, x, c) for c in range(3)) for x in range(w)] for y in range(h)]
colours = b"".join(bytes([40 * i, 255 - 30 * i, i]) for i in range(4))
png("palette.png", w, h, 2, 3, [bytes([0b00011011, 0b11000000]) for _ in range(h)], 0,
    chunk(b"PLTE", colours) + chunk(b"tRNS", bytes([0, 128])))
passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
rows = [b"".join(rgb[y][x] for x in range(x0, w, dx)) for x0, y0, dx, dy in passes for y in range(y0, h, dy)
        if x0 < w]
png("interlaced.png", w, h, 8, 2, rows, 1)
png("grey16.png", w, h, 16, 4,
    [b"".join(struct.pack(">HH", (257 * x * 40 + 1000 * y) % 65536, 60000) for x in range(w)) for y in range(h)])
png("grey2.png", w, h, 2, 0, [bytes([0b00011011, 0b01000000]) for _ in range(h)])

image = Image.frombytes("RGB", (w, h), b"".join(p for row in rgb for p in row))
image.save(out + "lossless.webp", lossless=True, exact=True)
image.save(out + "animated.webp", save_all=True, append_images=[image.rotate(180)], lossless=True)

# meta.mat, as MATLAB and scipy write it: numbers 1 to 4 of classes n3, n1, n2 and n4, two of them out of order
if len(sys.argv) > 2:
    import numpy as np
    import scipy.io

    rows = [(1, "n3"), (3, "n2"), (2, "n1"), (4, "n4")]
    table = np.zeros((4, 1), dtype=[("ILSVRC2012_ID", object), ("WNID", object), ("words", object)])
    for i, (number, name) in enumerate(rows):
        table[i, 0] = (float(number), name, "a few words")
    for compressed in (False, True):
        scipy.io.savemat(f"{sys.argv[2]}/meta{'_compressed' if compressed else ''}.mat", {"synsets": table},
                         do_compression=compressed)
