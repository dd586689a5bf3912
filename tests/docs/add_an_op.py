#!/usr/bin/env python3
"""Holds docs/add-an-op.md to the tree: its diffs apply to a copy, touch only what an op may touch, compile, and the new
op's rows, gradient check and tape check pass.

    add_an_op.py --patch                  prints the diffs as one patch
    add_an_op.py --scratch DIR --cxx "COMPILER FLAG ..." --link "FLAG ..." [--cu "COMPILER FLAG ..."]

Only the new files and tests/kernels/op_test.cpp are compiled, and linked with the libraries of the build at hand. --cu
compiles the .cu file; without it (no CUDA back end) that file is not compiled. Flags are separated by blanks or
semicolons. DIR is made anew.
"""
import argparse
import concurrent.futures
import os
import re
import shlex
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COPIED = ["base", "kernels", "engine", "cases", "tests/kernels", "tests/support"]
# New files of an op, and files that get a line of it.
NEW = ["kernels/{}.h", "kernels/cpu/{}.cpp", "kernels/cuda/{}.cu", "engine/ops/{}.cpp", "cases/{}.cpp"]
LINES = ["engine/ops.h", "kernels/cpu/CMakeLists.txt", "kernels/cuda/groups.cmake", "engine/CMakeLists.txt",
         "cases/CMakeLists.txt"]
TESTS = {"OpTest.MatchesReference": 8, "GradientTest.ReferenceMatchesFiniteDifferences": 1,
         "GradientTest.TapeMatchesReference": 1}  # at least so many of each


def fail(text):
    sys.exit("docs/add-an-op.md: " + text)


def run(command, what, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode != 0:
        fail("%s: %s\n%s%s" % (what, shlex.join(command), done.stdout, done.stderr))
    return done.stdout


def patch():
    with open(os.path.join(ROOT, "docs/add-an-op.md"), encoding="utf-8") as page:
        return "".join(re.findall(r"^```diff\n(.*?)^```$", page.read(), flags=re.M | re.S))


def check_touched(diff):
    """Returns the op's name. New files and changed lines are those that the page's table allows, no more."""
    new = re.findall(r"^--- /dev/null\n\+\+\+ b/(.*)$", diff, flags=re.M)
    changed = re.findall(r"^--- a/.*\n\+\+\+ b/(.*)$", diff, flags=re.M)
    op = os.path.basename(new[0]).split(".")[0] if new else ""
    if sorted(new) != sorted(path.format(op) for path in NEW) or sorted(changed) != sorted(LINES):
        fail("an op touches other files than these: %s" % sorted(new + changed))
    for path in changed:
        part = diff.split("+++ b/%s\n" % path)[1].split("--- ")[0]
        if len(re.findall(r"^\+(?!$|//)", part, flags=re.M)) != 1:
            fail("%s gets more than one line, comments apart" % path)
    return op


def compile_all(tree, op, args):
    sources = ["kernels/cpu/%s.cpp" % op, "engine/ops/%s.cpp" % op, "cases/%s.cpp" % op, "tests/kernels/op_test.cpp"]
    if args.cu:
        sources.append("kernels/cuda/%s.cu" % op)

    def compiled(source):
        target = source.replace("/", "_") + ".o"
        flags = args.cu if source.endswith(".cu") else args.cxx
        run([*flags, "-I.", "-c", source, "-o", target], "does not compile", cwd=tree)
        return target
    with concurrent.futures.ThreadPoolExecutor(2) as pool:  # the two that take longest begin
        objects = list(pool.map(compiled, reversed(sources)))
    run([args.cxx[0], *objects, *args.link, "-o", "op_tests"], "does not link", cwd=tree)


def check_tests(tree, op):
    output = run([os.path.join(tree, "op_tests"), "--gtest_filter=*%s*" % op], "its tests fail")
    for test, least in TESTS.items():
        suite, name = test.split(".")
        passed = len(re.findall(r"^\[       OK \] \w+/%s\.%s/%s" % (suite, name, op), output, flags=re.M))
        if passed < least:
            fail("%d tests of %s passed, not %d\n%s" % (passed, test, least, output))
    return re.findall(r"\[  PASSED  \] (\d+)", output)[0]


def main():
    def flags(text):
        return [flag for flag in re.split(r"[;\s]+", text) if flag]
    parser = argparse.ArgumentParser()
    parser.add_argument("--patch", action="store_true")
    parser.add_argument("--scratch")
    for name in ("--cxx", "--link", "--cu"):
        parser.add_argument(name, type=flags, default=[])
    args = parser.parse_args()
    diff = patch()
    if args.patch:
        print(diff, end="")
        return
    op = check_touched(diff)
    tree = os.path.abspath(args.scratch)
    shutil.rmtree(tree, ignore_errors=True)
    for folder in COPIED:
        shutil.copytree(os.path.join(ROOT, folder), os.path.join(tree, folder))
    # The scratch folder may lie in a repository, which git would apply the patch to.
    outside = dict(os.environ, GIT_CEILING_DIRECTORIES=os.path.dirname(tree))
    run(["git", "apply", "-"], "does not apply", input=diff, cwd=tree, env=outside)
    if not os.path.exists(os.path.join(tree, NEW[0].format(op))):
        fail("git apply left out the new files")
    compile_all(tree, op, args)
    print("%s: %s tests passed" % (op, check_tests(tree, op)))
    shutil.rmtree(tree)


if __name__ == "__main__":
    main()
