#!/usr/bin/env python3
"""Compiler's report on every CUDA kernel, compared with tests/kernel_budget.json; fails when a kernel gets worse.

    kernel_report.py --build BUILD [--update]

Reads the reports that tools/nvcc_evidence.sh stores beside the objects of BUILD: registers, spills and shared memory
from ptxas, memory accesses from the PTX. Never allowed: spills, local memory, double precision. Compared with the
budget, per architecture: registers, resident warps per multiprocessor, shared memory, 16-byte loads and stores,
accesses in the main loop and, for a streaming kernel, the bytes that the loop moves per number. Registers are
compared only with the compiler that the budget was made with. --update rewrites the budget and keeps the entries
written by hand: `numbers`, processed by one iteration of the main loop, and `minimum`, the bytes per number that the
formula requires. (`bytes` may exceed it by scalars in device memory, which are read once per vector and are in the
cache.)
Exit status: 0 within the budget, 1 not, 77 no evidence because no CUDA back end was built.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "kernels/cuda").rglob("*.cu"))
BUDGET = ROOT / "tests" / "kernel_budget.json"
ARCHITECTURES = ["80", "90", "100"]
SHARED_PER_MULTIPROCESSOR = {"80": 164 << 10, "90": 228 << 10, "100": 228 << 10}
WARPS, BLOCKS, REGISTERS, THREADS_PER_WARP = 64, 32, 65536, 32  # per multiprocessor, the same on all three


def warps_at_once(architecture, threads, registers, shared):
    """Occupancy in warps, as cuda_occupancy.h computes it. Registers are allocated per warp in units of 256, within
    each of the multiprocessor's four partitions; shared memory in units of 128 bytes, plus 1 KiB per block for the
    system."""
    warps = -(-threads // THREADS_PER_WARP)
    per_warp = -(-registers * THREADS_PER_WARP // 256) * 256
    by_registers = REGISTERS // 4 // per_warp * 4 // warps
    by_shared = SHARED_PER_MULTIPROCESSOR[architecture] // (-(-(shared + 1024) // 128) * 128)
    return warps * min(WARPS // warps, BLOCKS, by_registers, by_shared)


def loops(body):
    """(first line, last line) of every backward branch of a PTX function."""
    labels = {}
    found = []
    for number, line in enumerate(body):
        if label := re.match(r"(\$\w+):", line):
            labels[label[1]] = number
        elif (branch := re.search(r"\bbra(?:\.uni)?\s+(\$\w+);", line)) and branch[1] in labels:
            found.append((labels[branch[1]], number))
    return found


def accesses(lines):
    """(load or store, bytes) of every access to global memory."""
    pattern = r"\b(ld|st)\.global(?:\.\w+)*?(?:\.(v[24]))?\.[a-z](\d+)\b"
    found = []
    for line in lines:
        if access := re.search(pattern, line):
            found.append((access[1], int((access[2] or "v1")[1]) * int(access[3]) // 8))
    return found


def main_loop(body):
    """(bytes, accesses) of one iteration of the loop with the most 16-byte accesses, without inner loops."""
    best = (0, 0, 0)
    spans = loops(body)
    for first, last in spans:
        inner = [s for s in spans if first <= s[0] and s[1] <= last and s != (first, last)]
        lines = [l for i, l in enumerate(body[first : last + 1], first) if not any(a <= i <= b for a, b in inner)]
        moved = accesses(lines)
        best = max(best, (sum(size == 16 for _, size in moved), sum(size for _, size in moved), len(moved)))
    return best[1:]


def demangled(names):
    done = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout
    short = []
    for name in done.splitlines():
        name = re.sub(r"skein::|cuda::|\(anonymous namespace\)::|^void |\((?:\w+::)*\w+\)(?=\d)", "", name)
        depth = 0
        for i, c in enumerate(name):  # up to the arguments
            depth += (c == "<") - (c == ">")
            if c == "(" and depth == 0:
                name = name[:i]
                break
        short.append(name.replace(" >", ">").replace("_kernel", ""))
    return dict(zip(names, short))


def read_log(text):
    """{(mangled name, architecture): facts} from ptxas -v."""
    facts, current = {}, None
    for line in text.splitlines():
        if entry := re.search(r"Compiling entry function '(\S+)' for 'sm_(\d+)'", line):
            current = facts.setdefault((entry[1], entry[2]), {})
        elif current is None:
            continue
        elif frame := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            current["stack"], current["spills"] = int(frame[1]), int(frame[2]) + int(frame[3])
        elif used := re.search(r"Used (\d+) registers", line):
            shared = re.search(r"(\d+) bytes smem", line)
            current["registers"], current["shared"] = int(used[1]), int(shared[1]) if shared else 0
    return facts


def file_of(kernel):
    """The .cu file that defines this kernel, or the operation of a kernel in a header: elementwise<Drop<Bf16>>."""
    name = re.match(r"(?:elementwise<)?(\w+)", kernel)[1]
    for source in SOURCES:
        if re.search(rf"\b(?:struct {name}\b|{name}(?:_kernel)?\()", source.read_text()):
            return source.relative_to(ROOT / "kernels/cuda").with_suffix("").as_posix()
    sys.exit(f"kernel_report: no file of kernels/cuda/ has {kernel}")


def read_evidence(folder):
    """{kernel: {architecture: facts}} of one object, and the compiler's version."""
    log = read_log((folder / "ptxas.log").read_text())
    kernels, version = {}, ""
    for architecture in ARCHITECTURES:
        file = next(folder.glob(f"*compute_{architecture}.ptx"), None)
        if file is None:  # CMAKE_CUDA_ARCHITECTURES leaves it out
            continue
        ptx = file.read_text()
        version = re.search(r"release ([\d.]+)", ptx)[1]
        entries = re.findall(r"\.entry (\S+?)\((.*?)\n\}\n", ptx, re.S)
        names = demangled([name for name, _ in entries])
        for name, text in entries:
            body = text.splitlines()
            facts = dict(log[name, architecture])
            moved = accesses(body)
            threads = re.search(r"\.(?:maxntid|reqntid) (\d+)", text)
            facts["threads"] = int(threads[1]) if threads else 1024
            facts["doubles"] = len(re.findall(r"\.f64\b", text))
            facts["local"] = len(re.findall(r"\b(?:ld|st)\.local\b", text)) + facts["stack"]
            facts["wide"] = [sum(m == (kind, 16) for m in moved) for kind in ("ld", "st")]
            facts["loop_bytes"], facts["accesses"] = main_loop(body)
            facts["warps"] = warps_at_once(architecture, facts["threads"], facts["registers"], facts["shared"])
            kernels.setdefault(names[name], {})[architecture] = facts
    return kernels, version


def worse(kernel, budget, same_compiler):
    """Reasons why a kernel fails."""
    reasons = []
    for architecture, f in kernel.items():
        i = ARCHITECTURES.index(architecture)
        on = f"sm_{architecture}: "
        for forbidden in ("spills", "local", "doubles"):
            if f[forbidden]:
                reasons.append(f"{on}{forbidden} {f[forbidden]}")
        if budget is None:
            continue
        if same_compiler and f["registers"] > budget["registers"][i]:
            reasons.append(f"{on}registers {f['registers']}, not {budget['registers'][i]}")
        if same_compiler and f["warps"] < budget["warps"][i]:
            reasons.append(f"{on}warps at once {f['warps']}, not {budget['warps'][i]}")
        if f["shared"] > budget["shared"]:
            reasons.append(f"{on}shared memory {f['shared']}, not {budget['shared']}")
        for kind, has, wanted in zip(("loads", "stores"), f["wide"], budget["wide"]):
            if has < wanted:
                reasons.append(f"{on}16-byte {kind} {has}, not {wanted}")
        if f["accesses"] > budget["accesses"]:
            reasons.append(f"{on}accesses in the main loop {f['accesses']}, not {budget['accesses']}")
        if "numbers" in budget and f["loop_bytes"] / budget["numbers"] > budget["bytes"]:
            reasons.append(f"{on}bytes per number {f['loop_bytes'] / budget['numbers']:g}, not {budget['bytes']:g}")
    return reasons if budget is not None else reasons + ["is not in the budget: run with --update"]


def entry(kernel, old):
    """Budget entry with the kernel's present values."""
    by_architecture = list(kernel.values())
    new = {
        "registers": [f["registers"] for f in by_architecture],
        "warps": [f["warps"] for f in by_architecture],
        "shared": max(f["shared"] for f in by_architecture),
        "wide": [min(f["wide"][k] for f in by_architecture) for k in (0, 1)],
        "accesses": max(f["accesses"] for f in by_architecture),
    }
    if "numbers" in old:
        new["numbers"] = old["numbers"]
        new["bytes"] = max(f["loop_bytes"] for f in by_architecture) / old["numbers"]
        new["minimum"] = old["minimum"]
    return new


def table(kernels, budgets):
    row = "{:<64} {:>7} {:>9} {:>6} {:>8} {:>6} {:>12}"
    print(row.format("kernel (registers and warps per multiprocessor:", "", "", "", "", "16-byte", "bytes per"))
    print(row.format(f"  sm_{'/'.join(ARCHITECTURES)})", "threads", "registers", "shared", "warps", "ld+st", "number"))
    for name, kernel in sorted(kernels.items()):
        first, budget = next(iter(kernel.values())), budgets.get(name, {})
        joined = lambda key: "/".join(str(f[key]) for f in kernel.values())
        stream = ""
        if "numbers" in budget:
            moved = max(f["loop_bytes"] for f in kernel.values()) / budget["numbers"]
            stream = f"{moved:g} of {budget['minimum']:g}"
        wide = f"{first['wide'][0]}+{first['wide'][1]}"
        facts = first["threads"], joined("registers"), first["shared"], joined("warps"), wide, stream
        print(row.format(name, *facts).rstrip())


def write_budget(kernels, budgets, version):
    lines = [f'  "nvcc": "{version}"']
    for name, kernel in sorted(kernels.items()):
        lines.append(f"  {json.dumps(name)}: {json.dumps(entry(kernel, budgets.get(name, {})))}")
    BUDGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main():
    options = argparse.ArgumentParser(description="what the compiler made of every CUDA kernel, held to a budget")
    options.add_argument("--build", type=pathlib.Path, required=True, help="a build folder with SKEIN_CUDA=on")
    options.add_argument("--update", action="store_true", help="write the budget anew")
    options = options.parse_args()
    kernels, version = {}, ""
    for folder in options.build.rglob("*.cu.o.evidence"):
        more, version = read_evidence(folder)
        kernels |= {f"{file_of(name)}: {name}": facts for name, facts in more.items()}
    if not kernels:
        print(f"no CUDA kernel was built in {options.build}")
        return 77
    budgets = json.loads(BUDGET.read_text()) if BUDGET.exists() else {}
    same_compiler = budgets.pop("nvcc", version) == version
    table(kernels, budgets)
    if options.update:
        write_budget(kernels, budgets, version)
        return 0
    if not same_compiler:
        print(f"registers are not compared: the budget was made with another nvcc than {version}")
    failures = [(n, r) for n, k in sorted(kernels.items()) for r in worse(k, budgets.get(n), same_compiler)]
    gone = sorted(budgets.keys() - kernels.keys())
    failures += [(name, "is in the budget but was not built: run with --update") for name in gone]
    print()
    for name, reason in failures:
        print(f"WORSE  {name}: {reason}")
    print(f"{len(kernels)} kernels for sm_{', sm_'.join(ARCHITECTURES)}, nvcc {version}: {len(failures)} findings")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
