#!/usr/bin/env python3
"""Plants bugs, one at a time. The test that covers each bug must fail, with the expected message.

    mutations.py [NAME ...]     all of them, or those whose names contain one of the given texts
    mutations.py --match        only that each can still be planted: its texts are in the sources, once each

Run it from the root of a checkout. It edits the sources, builds the smallest target that shows the bug in the presets'
build folders, runs the test, and restores the sources. Every test must pass before its bug is planted. Exit status: 0 if
all bugs were caught, else 1. `make mutations` runs all; it is not part of `make test`.
"""
import dataclasses
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@dataclasses.dataclass
class Mutation:
    name: str
    file: str
    edits: dict  # text, which must occur exactly once: its replacement
    layer: str  # layer of testing that catches it
    preset: str
    target: str
    test: str  # command; {build} is the preset's build folder
    says: str  # regular expression that the failing test's output must match


def gtest(name, file, edits, layer, filter, says, order=0):
    test = f"SKEIN_EMULATOR_SEED={order} {{build}}/skein_tests --gtest_brief=1 --gtest_filter='{filter}'"
    return Mutation(name, file, edits, layer, "emulated", "skein_tests", test, says)


def sanitized(name, file, edits, kind, says):
    test = "{build}/skein_sanitize cases 0 && {build}/skein_sanitize cases 1"
    return Mutation(name, file, edits, f"emulator under {kind}", kind, "skein_sanitize", test, says)


EMULATOR, EXECUTION, STAND_IN = "emulator under ASan + UBSan", "execution of cuDNN's plans", "stand-in"
MUTATIONS = [
    sanitized(
        "missing barrier",
        "kernels/cuda/dialect/columns.h",
        {"    __syncthreads();  // the last round's values have been read\n": ""},
        "tsan",
        r"ThreadSanitizer: data race",
    ),
    gtest(
        "proofs that any connection may pass on",
        "comm/sockets/handshake.cpp",
        {"  key += host.channel_binding();\n": "", "challenge(secret_->key + channel_binding)": "challenge(secret_->key)",
         "guest_proof(secret_->key + channel_binding, guests_": "guest_proof(secret_->key, guests_",
         "take(std::string_view bytes, const std::string& channel_binding)": "take(std::string_view bytes, const std::string&)"},
        "contract",
        "Tls.*",
        r"AnotherProcessOfTheAuthorityCannotStandInBetween",
    ),
    gtest(
        "batches of a test set in the order of the processes",
        "train/sharded_test_set.cpp",
        {"  std::sort(all.begin(), all.end(), [](const Placed<T>& a, const Placed<T>& b) { return a.place < b.place; });\n": ""},
        "contract",
        "NestedTrain.*",
        r"HasTheBitsOfThreads",
    ),
    gtest(
        "a copy that nobody waits for",
        "train/worker.cpp",
        {"  if (before_change_) before_change_();\n": ""},
        "contract",
        "CheckpointWriter.*",
        r"WorkersWaitBeforeTheyChange",
    ),
    gtest(
        "tap counted twice",
        "kernels/cpu/conv/tile_passes.h",
        {"slot < s.slots[plane] && s.step_of[tap] == step ? tap : -1": "slot < s.slots[plane] ? tap : -1"},
        "double reference",
        "AmxConvolution.*",
        r"EqualsTheReferenceForManyShapes",
    ),
    gtest(
        "one chain of sums",
        "kernels/cpu/conv/portable_tiles.h",
        {"chains[k % 2][n] = without_denormal(__builtin_fmaf(x, y, chains[k % 2][n]));":
         "chains[0][n] = without_denormal(__builtin_fmaf(x, y, chains[0][n]));"},
        "sums that show their order",
        "AmxConvolution.*",
        r"SumsEvenAndOddNumbersApart",
    ),
    gtest(
        "off-by-one grid",
        "kernels/cuda/cross_entropy.cu",
        {"launch(kernel, ceil_div(rows, kRows),": "launch(kernel, rows / kRows,"},
        EMULATOR,
        "CudaOps/*cross_entropy*",
        r"FAILED.*MatchesReference/cross_entropy",
    ),
    gtest(
        "swapped stride",
        "kernels/cuda/cudnn/graph.cpp",
        {"{c * h * w, 1, c * w, c}": "{c * h * w, 1, c, c * h}"},
        EXECUTION,
        "Ops/CudnnCase.*/conv_forward_*",
        r"FAILED.*CudnnCase",
    ),
    gtest(
        "wrong padding in a descriptor",  # of the same output size, so that cuDNN takes it
        "kernels/cuda/cudnn/graph.cpp",
        {
            "PRE_PADDINGS, {g.padding, g.padding}": "PRE_PADDINGS, {2 * g.padding, g.padding}",
            "POST_PADDINGS, {g.padding, g.padding}": "POST_PADDINGS, {0, g.padding}",
        },
        EXECUTION,
        "Ops/CudnnCase.*/conv_forward_*",
        r"FAILED.*CudnnCase",
    ),
    gtest(
        "stale learning rate under capture",  # a kernel's argument, which a replay repeats
        "engine/optimizer.cpp",
        {
            '#include "engine/optimizer.h"\n': '#include "engine/optimizer.h"\n#include "kernels/vector.h"\n',
            "{ queue_.run(kernel::copy_from_host, &rate, rate_); }": "{ asked = rate; }",
            "void Optimizer::set_rate": "static float asked;\nvoid Optimizer::set_rate",
            "void Sgd::step_on(const Queue& queue) {\n": (
                "void Sgd::step_on(const Queue& queue) {\n  queue.run(kernel::fill, asked, rate_);\n"
            ),
        },
        EMULATOR + ", deferred streams",
        "CudaStep.ReplayedSteps*",
        r"FAILED.*ReplayedStepsDoWhatTheirBodiesDid",
    ),
    gtest(
        "missing event wait",
        "data/loading/double_buffer.cpp",
        {"    cuda::wait(copy_stream_, other.released);\n": ""},
        EMULATOR + ", deferred streams",
        "DeviceLoader.*",
        r"FAILED.*KeepsABatchUntilTheWorkOnItIsDone",
        order=2,  # some streams run ahead
    ),
    gtest(
        "leaked descriptor",
        "kernels/cuda/cudnn/engines.cpp",
        {
            "Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);": (
                "Descriptor& pack = *new Descriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);"
            )
        },
        STAND_IN,
        "CudnnStandin.*",
        r"descriptors",
    ),
    gtest(
        "wrong uid",
        "kernels/cuda/cudnn/conv.cpp",
        {"{{kX, o.x.data}, {kW, w.data}, {kY, o.y.data}}": "{{kX, o.x.data}, {kW, o.y.data}, {kY, w.data}}"},
        EXECUTION,
        "Ops/CudnnCase.*/conv_forward_*",
        r"FAILED.*CudnnCase|AddressSanitizer",
    ),
    Mutation(
        "lost 128-bit access",
        "kernels/cuda/global_average_pool.cu",
        {"{ store(dx + i, out); }": "{ for (int k = 0; k < kWidth; ++k) store(dx + i + k, {out[k]}); }"},
        "static evidence",
        "release",
        "skein_kernels_cuda",
        "python3 tools/kernel_report.py --build {build}",
        r"WORSE.*pool_backward.*16-byte stores",
    ),
    sanitized(
        "uninitialised partial sum",
        "kernels/cuda/batch_norm.cu",
        {"float sums[2 * kWidth] = {};": "float sums[2 * kWidth];"},
        "msan",
        r"MemorySanitizer: use-of-uninitialized-value",
    ),
    Mutation(
        "lost lock",
        "train/step_context.cpp",
        {"    const std::lock_guard lock(mutex_);\n    free_.push_back": "    free_.push_back"},
        "the host's threads under tsan",
        "threads",
        "skein_thread_tests",
        "OMP_NUM_THREADS=1 {build}/skein_thread_tests --gtest_brief=1 --gtest_filter='LocalSgd.*'",
        r"ThreadSanitizer: data race",
    ),
    Mutation(
        "swapped operands of an op",
        "engine/ops/relu.cpp",
        {"kernel::relu_backward, y->value, dy, dx": "kernel::relu_backward, dy, y->value, dx"},
        "tape against reference",
        "release",
        "skein_tests",
        "{build}/skein_tests --gtest_brief=1 --gtest_filter='*TapeMatchesReference*'",
        r"FAILED.*TapeMatchesReference/relu",
    ),
    Mutation(
        "an op without a row",
        "cases/gather.cpp",
        {"q.run(kernel::gather, from, index, out)": "q.run(kernel::copy, from, out)"},
        "tables",
        "release",
        "skein_tests",
        "{build}/skein_tests --gtest_brief=1 --gtest_filter='Tables.*'",
        r"gather has no row in cases/",
    ),
    gtest(
        "missing peer check",
        "engine/peer_memory.cpp",
        {"known->second = cuda::reach_device(peer);": "known->second = true;"},
        EMULATOR,
        "Gpus.Averaging*",
        r"which has no peer access to it",
    ),
    gtest(
        "worker on the wrong device",
        "train/worker_pool.cpp",
        {"use_gpu(contexts_.gpu(worker(i).rank()))": "use_gpu(contexts_.gpu(worker(0 * i).rank()))"},
        EMULATOR,
        "Gpus.Training*",
        r"by a thread whose device is",
    ),
    gtest(
        "stale handle of another device",
        "kernels/cuda/cublas/linear.cpp",
        {"handle = all[device];": "handle = all[0 * device];"},
        STAND_IN,
        "Gpus.Training*",
        r"a handle that was made on another device than the current one",
    ),
]


def run(command):
    done = subprocess.run(command, shell=True, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    return done.returncode, done.stdout


def build(m):
    return run(f"cmake --preset {m.preset} && cmake --build --preset {m.preset} --target {m.target}")


def test(m):
    return run(m.test.format(build=f"build/{m.preset}"))


def mutated(m, source):
    for old, new in m.edits.items():
        if source.count(old) != 1:
            sys.exit(f"{m.name}: {m.file} has {source.count(old)} times what is to be replaced: {old!r}")
        source = source.replace(old, new)
    return source


def plant(m, source):
    path = ROOT / m.file
    path.write_text(mutated(m, source))
    try:
        status, text = build(m)
        return (status, text) if status else test(m)  # some bugs do not build
    finally:
        path.write_text(source)


def main():
    wanted = [name for name in sys.argv[1:] if name != "--match"]
    chosen = [m for m in MUTATIONS if not wanted or any(part in m.name for part in wanted)]
    sources = {m.name: (ROOT / m.file).read_text() for m in chosen}
    for m in chosen:
        mutated(m, sources[m.name])  # before the first build
    if "--match" in sys.argv:
        return 0
    sound = set()
    missed = 0
    for m in chosen:
        begin = time.time()
        if m.test not in sound:
            status, text = build(m)
            if status:
                sys.exit(f"{m.name}: does not build without the bug\n{text[-4000:]}")
            status, text = test(m)
            if status:
                sys.exit(f"{m.name}: its test fails without the bug\n{text[-4000:]}")
            sound.add(m.test)
        status, text = plant(m, sources[m.name])
        found = re.search(f"^.*({m.says}).*$", text, re.M)
        caught = status != 0 and found
        missed += not caught
        print(f"{'caught' if caught else 'MISSED'}  {m.name:<34} {m.layer:<45} {time.time() - begin:.0f} s", flush=True)
        print(f"        {found[0].strip()[:200] if found else text[-2000:]}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} bugs caught")
    return missed > 0


if __name__ == "__main__":
    sys.exit(main())
