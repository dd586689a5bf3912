#!/usr/bin/env python3
"""Three CPU kernels as two compilers make them: whole processes in turn, medians over the rounds. Fails where the second
is slower than LIMIT times the first, as a kernel is whose loops it does not vectorise.
   compilers.py --scratch DIR g++ clang++"""
import argparse
import concurrent.futures
import os
import subprocess
import sys
from statistics import median

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCES = ["kernels/cpu/vector.cpp", "kernels/cpu/batch_norm.cpp", "kernels/cpu/sgd_step.cpp", "kernels/cpu/cast.cpp",
           "kernels/cpu/device/runtime.cpp", "tests/bench/three_kernels.cpp"]
# Those of the release build, for one thread.
FLAGS = ["-std=c++20", "-O3", "-ffp-contract=off", "-fno-math-errno", "-Wno-unknown-pragmas", "-DSKEIN_NO_CUDA",
         "-I" + ROOT, "-I" + os.path.join(ROOT, "cmake/serial")]
LIMIT = 2.5
ROUNDS = 7


def build(compiler, folder):
    os.makedirs(folder, exist_ok=True)

    def compiled(source):
        target = os.path.join(folder, source.replace("/", "_") + ".o")
        subprocess.run([compiler, *FLAGS, "-c", os.path.join(ROOT, source), "-o", target], check=True)
        return target
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compiled, SOURCES))
    program = os.path.join(folder, "three_kernels")
    subprocess.run([compiler, *objects, "-lfmt", "-o", program], check=True)
    return program


def times(program):
    lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    return {name: float(microseconds) for name, microseconds in map(str.split, lines)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scratch", required=True)
    parser.add_argument("compilers", nargs=2)
    args = parser.parse_args()
    programs = [build(c, os.path.join(args.scratch, str(i))) for i, c in enumerate(args.compilers)]
    rounds = [[times(p) for p in programs] for _ in range(ROUNDS)]
    first, second = (os.path.basename(c) for c in args.compilers)
    print(f"{'median us':20} {first:>9} {second:>9}  ratio")
    slower = []
    for name in rounds[0][0]:
        a, b = (median(r[i][name] for r in rounds) for i in range(2))
        print(f"{name:20} {a:9.2f} {b:9.2f} {b / a:6.2f}")
        if b > LIMIT * a:
            slower.append(name)
    if slower:
        sys.exit(f"{second} makes these more than {LIMIT} times slower than {first} does: {', '.join(slower)}")


main()
