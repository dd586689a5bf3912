#!/usr/bin/env python3
"""Fails unless examples/local_sgd.cpp prints exactly the ```text blocks of docs/paper.md, and unless every equation in
them holds.   Usage: example.py PROGRAM docs/paper.md"""
import re
import subprocess
import sys


class Vector(tuple):
    """Two weights with the arithmetic of one; all numbers are exact in binary, so == is meant."""
    def __add__(self, other):
        return Vector(a + b for a, b in zip(self, other))

    def __sub__(self, other):
        return Vector(a - b for a, b in zip(self, other))

    def __rmul__(self, factor):
        return Vector(factor * a for a in self)

    def __truediv__(self, divisor):
        return Vector(a / divisor for a in self)


def value(expression):
    """Of numbers, pairs of numbers, + - * / and parentheses: nothing else is evaluated."""
    if not re.fullmatch(r"[-+*/(),.\d\s]+", expression):
        raise ValueError(expression)
    pairs = re.sub(r"\((-?[\d.]+, -?[\d.]+)\)", r"Vector((\1))", expression)
    return eval(pairs, {"__builtins__": {}, "Vector": Vector})


def main():
    program, document = sys.argv[1:]
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    with open(document, encoding="utf-8") as file:
        shown = "".join(re.findall(r"^```text\n(.*?)^```$", file.read(), flags=re.M | re.S))
    if printed != shown:
        print("%s prints:\n%s\n%s shows:\n%s" % (program, printed, document, shown))
        return 1
    equations = 0
    for line in shown.splitlines():
        if line.startswith("--"):
            continue
        sides = re.sub(r"^(step \d+|send|average)?\s+([AB] )?", "", line).split(" = ")
        values = [value(side) for side in sides]
        if any(v != values[0] for v in values) or len(values) < 2:
            print("this does not hold: " + line)
            return 1
        equations += len(values) - 1
    print("%d equations hold" % equations)
    return 0 if equations > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
