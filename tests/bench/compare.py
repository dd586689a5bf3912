"""skein against PyTorch, forward + backward + step of each network: whole processes in turn (skein, PyTorch NCHW,
PyTorch NHWC, skein ...), medians over the rounds, the ratio round by round to the best of PyTorch's modes, and of
skein's types to the first. PyTorch's modes: its two layouts, and with --compiled both through torch.compile, too.
   compare.py --skein build/release/skein [--model resnet20 ...] [--rounds 5] [--dtype f32 bf16] [--compiled]
              [--malloc plain|tuned] [--isa avx2]
Any PyTorch is taken: run this with the Python that has it."""
import argparse
import json
import os
import subprocess
import sys
from statistics import median

#           batch size classes steps
NETWORKS = {"resnet20": (128, 32, 10, 30), "densenet40-12": (64, 32, 10, 5), "wrn28-10": (16, 32, 10, 5),
            "resnet50": (16, 224, 1000, 5)}

# For PyTorch: huge pages, and memory that is freed stays with the process.
TUNED = {"THP_MEM_ALLOC_ENABLE": "1",
         "GLIBC_TUNABLES": "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1000000000000"}


def run(command, environment):
    out = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    report = json.loads(out.strip().splitlines()[-1])
    case = report["cases"][0]
    return {"step_ms": case["median"] * 1e3, "peak_rss_mb": report["peak_rss_mb"], **case["rates"]}


def modes(args):
    return [f"PyTorch {layout}{how}" for how in ["", " compiled"][:1 + args.compiled] for layout in ("nchw", "nhwc")]


def compare(model, args, environment):
    batch, size, classes, steps = NETWORKS[model]
    steps = args.steps or steps
    shape = ["--model", model, "--batch", str(batch), "--size", str(size), "--classes", str(classes)]
    length = ["--steps", str(steps), "--warmup", "2"]
    script = os.path.join(os.path.dirname(__file__), "pytorch_step.py")
    commands = {}
    for dtype in args.dtype:
        commands["skein", dtype] = [args.skein, "bench", "step", *shape, *length, "--json", "--dtype", dtype]
        for mode in modes(args):
            layout, *compiled = mode.split()[1:]
            commands[mode, dtype] = [sys.executable, script, *shape, *length, "--format", layout, "--dtype", dtype,
                                     *["--compile" for _ in compiled]]
    rounds = {name: [] for name in commands}
    for _ in range(args.rounds):
        for name, command in commands.items():
            tuned = TUNED if args.malloc == "tuned" and name[0] != "skein" else {}
            rounds[name].append(run(command, environment | tuned))
    print(f"\n{model}, batch {batch}, {size}x{size}: medians of {args.rounds} rounds, {steps} steps each")
    print(f"{'':26} {'step ms':>9} {'img/s':>8} {'MB':>6}")
    for name, results in rounds.items():
        step, rate, rss = (median(r[key] for r in results) for key in ("step_ms", "img_per_s", "peak_rss_mb"))
        print(f"{' '.join(name):26} {step:9.1f} {rate:8.1f} {rss:6.0f}")
    for dtype in args.dtype:
        best = max(((mode, dtype) for mode in modes(args)), key=lambda name: median(r["img_per_s"] for r in rounds[name]))
        print_ratio(rounds, ("skein", dtype), best)
    for dtype in args.dtype[1:]:
        print_ratio(rounds, ("skein", dtype), ("skein", args.dtype[0]))


def print_ratio(rounds, ours, other):
    speed, memory = ([a[key] / b[key] for a, b in zip(rounds[ours], rounds[other])] for key in ("img_per_s", "peak_rss_mb"))
    print(f"{' '.join(ours)} / {' '.join(other)}: speed {median(speed):.2f} ({min(speed):.2f} to {max(speed):.2f}), "
          f"memory {median(memory):.2f}", flush=True)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--skein", default="build/release/skein")
    args.add_argument("--model", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    args.add_argument("--rounds", type=int, default=5)
    args.add_argument("--dtype", nargs="+", choices=["f32", "bf16"], default=["f32"], help="several: alternating")
    args.add_argument("--compiled", action="store_true", help="PyTorch through torch.compile, too")
    args.add_argument("--malloc", choices=["plain", "tuned"], default="plain", help="PyTorch's; tuned: keeps huge pages")
    args.add_argument("--steps", type=int, default=0, help="of each process; 0: by the network")
    args.add_argument("--isa", choices=["all", "avx2"], default="all", help="avx2: hide AVX-512 from both")
    args = args.parse_args()
    environment = dict(os.environ)
    if args.isa == "avx2":
        environment |= {"DNNL_MAX_CPU_ISA": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    for model in args.model:
        compare(model, args, environment)


main()
