#!/usr/bin/env python3
"""Fails when README.md, CONTRIBUTING.md, CHANGELOG.md or docs/*.md name something that the tree does not have.

  paths     in links, in backticks, in commands and in plain text: a file, a folder, or a glob that matches.
            Capitals stand for any name: kernels/OP.h is kernels/*.h
  symbols   in backticks: `ModelAverager`, `sync_table`, `Tape::backward` occur in the code, comments left out; of a
            qualified name both parts together, or the second in a file that declares the first
  flags     `--sync`, also in commands: occur in the code as "sync" or --sync
  commands  `make TARGET`, `skein COMMAND` and the program build/PRESET/PROGRAM exist
  words     in backticks: every other one occurs somewhere in the sources

Fenced blocks (```) are skipped; of indented ones the lines that begin with a command are read. A document may also name
what its ```diff blocks add.   Usage: names.py [ROOT [DOCUMENT ...]]
"""
import functools
import glob
import json
import os
import re
import sys

CODE = (".h", ".cpp", ".cu", ".cuh", ".py")
TEXT = CODE + (".sh", ".cmake", ".txt", ".json", ".yaml", ".sbatch", "Makefile", "hostfile", ".clang-format", "run")
SKIPPED_FOLDERS = {"build", "runs", "shared", ".git", "golden", "corpus"}
COMMANDS = ("skein", "build/", "make", "ctest", "cmake", "mpirun", "torchrun", "sbatch", "kubectl", "tools/", "tests/",
            "gpu/", "bash", "python3", "clang-format", "git", "RANK=", "export", "srun")
# Words of other programs, of other people's work, and of files that a run leaves.
FOREIGN = set("""kubectl PyTorch torch permute epfml LocalSGD-Code clang-format hostfile map-by node PE np
    nproc-per-node no-python mca odls_base_sigkill_timeout tensorboard logdir""".split())
FOREIGN_FLAGS = set("""preset build hostfile map-by no-python nproc-per-node mca gtest_filter help version
    target logdir""".split())


def sources(root):
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS and not (f == "docs" and folder == root)]
        for name in files:
            path = os.path.join(folder, name)
            if name.endswith(TEXT) and os.path.relpath(path, root) != "tests/docs/names.py":
                with open(path, encoding="utf-8", errors="replace") as file:
                    yield os.path.relpath(path, root), file.read()


def without_comments(text):
    """C++ without // and /* */, strings kept."""
    return re.sub(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/', lambda m: m[1] or " ", text, flags=re.S)


def words_of(text):
    return set(re.findall(r"\w+", text))


class Tree:
    def __init__(self, root):
        self.root = root
        self.code, self.everything, self.declared = [], "", {}
        for path, text in sources(root):
            if path.endswith(CODE):
                text = without_comments(text) if not path.endswith(".py") else text
                self.code.append(text)
                for name in re.findall(r"\b(?:class|struct|enum|namespace|enum class|using|union)\s+(\w+)", text):
                    self.declared.setdefault(name, []).append(len(self.code) - 1)
            self.everything += text + "\n"
        self.code_words = [words_of(text) for text in self.code]
        self.symbols = set().union(*self.code_words)
        self.words = words_of(self.everything)
        self.file_names = set()
        for _, folders, files in os.walk(root):
            folders[:] = [f for f in folders if f not in ("build", "runs", ".git")]
            self.file_names.update(files)
        self.all_code = "\n".join(self.code)
        self.top = {name for name in os.listdir(root) if os.path.isdir(os.path.join(root, name))} - {"runs", "build"}
        with open(os.path.join(root, "Makefile"), encoding="utf-8") as file:
            self.targets = set(re.findall(r"^([\w-]+):", file.read(), flags=re.M))

        with open(os.path.join(root, "CMakePresets.json"), encoding="utf-8") as file:
            self.presets = {preset["name"] for preset in json.load(file)["configurePresets"]}

    def has_path(self, path, extra):
        return path.rstrip("/").removeprefix("./") in extra or self.is_path(path)

    @functools.cache
    def is_path(self, path):
        path = path.rstrip("/").removeprefix("./")
        pattern = re.sub(r"(?<![A-Za-z])[A-Z]{2,}(?![A-Za-z])", "*", path) if not os.path.exists(
            os.path.join(self.root, path)) else path
        options = [pattern]
        braces = re.search(r"\{([^}]*)\}", pattern)
        if braces:
            options = [pattern.replace(braces[0], part) for part in braces[1].split(",")]
        return all(glob.glob(os.path.join(self.root, option)) for option in options)

    @functools.cache
    def has_symbol(self, name):
        parts = [part for part in name.split("::") if part]
        if len(parts) == 1:
            return name in self.symbols
        scope, member = parts[-2:]
        if re.search(r"\b%s::%s\b" % (re.escape(scope), re.escape(member)), self.all_code):
            return True
        return any(member in self.code_words[i] for i in self.declared.get(scope, []))

    @functools.cache
    def has_flag(self, flag):
        for name in {flag, flag.removeprefix("no-")}:
            if re.search(r'(?:"|--|add_\w+\("-*|,)%s(?![\w-])' % re.escape(name), self.everything):
                return True
        return False


class Document:
    def __init__(self, tree, path, extra_words=frozenset(), extra_paths=frozenset()):
        self.tree, self.path, self.bad = tree, path, []
        self.words, self.paths = extra_words, extra_paths

    def fail(self, line, kind, name):
        text = "%s:%d: %s %s" % (self.path, line, kind, name)
        if text not in self.bad:
            self.bad.append(text)

    def check(self):
        with open(os.path.join(self.tree.root, self.path), encoding="utf-8") as file:
            lines = file.read().split("\n")
        fenced = False
        for number, line in enumerate(lines, 1):
            if line.lstrip().startswith("```"):
                fenced = not fenced
            elif fenced:
                continue
            elif line.startswith("    ") and not line.lstrip().startswith(("*", "-")):
                if line.lstrip().startswith(COMMANDS):
                    self.command(number, re.split(r"\s+#", line)[0].strip())
            else:
                self.prose(number, line)
        return self.bad

    def prose(self, number, line):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
            if "://" not in target:
                place = os.path.normpath(os.path.join(os.path.dirname(self.path), target))
                if not self.tree.has_path(place, self.paths):
                    self.fail(number, "link to nothing:", target)
        line = re.sub(r"\]\([^)]*\)", "]", line)
        for span in re.findall(r"`([^`]+)`", line):
            self.span(number, span)
        line = re.sub(r"`[^`]*`|https?://\S+", " ", line)
        self.check_paths(number, line)
        for flag in re.findall(r"(?<![\w-])--([a-z][\w-]*)", line):
            self.flag(number, flag)

    def check_paths(self, number, text):
        """Checks the paths in a text and returns the text without them."""
        def check(match):
            path = match[0].rstrip(".,:;")
            first = path.split("/")[0]
            known = first in self.tree.top or first in (".ci",)
            if not known or "<" in path or "…" in path:
                return match[0]
            if first != "build" and not self.tree.has_path(path, self.paths):
                self.fail(number, "no such path:", path)
            return " "
        for preset, target in re.findall(r"(?<![\w/.$])build/([\w-]+)(?:/(\w+))?", text):
            if preset not in self.tree.presets or target and not re.search(
                    r"add_executable\(%s\b" % target, self.tree.everything):
                self.fail(number, "no such preset or program:", preset + "/" + target)
        text = re.sub(r"(?<![\w/.$])build/[\w/.-]+", " ", text)
        text = re.sub(r"(?<![\w/.$<>-])\.?[A-Za-z_][\w.-]*/[\w.*{},/+-]*", check, text)

        def check_file(match):  # in some folder, or one that the code names, with R for {}
            pattern = re.sub(r"(?<![A-Za-z])[A-Z]\\?(?=[-.\\])", r"(?:[A-Z]|\\{\\})", re.escape(match[0]))
            if match[0] not in self.tree.file_names and not re.search(pattern, self.tree.everything):
                self.fail(number, "no such file:", match[0])
            return " "
        return re.sub(r"(?<![\w/.*-])[\w-]+\.(?:h|cpp|cu|md|py|sh|cmake|json|txt|toml|csv|jsonl|safetensors)\b",
                      check_file, text)

    def flag(self, number, flag):
        if flag not in FOREIGN_FLAGS and not self.tree.has_flag(flag):
            self.fail(number, "no such flag:", "--" + flag)

    def command(self, number, text):
        make, program = re.match(r"make ([a-z-]+)", text), re.search(r"(?<![\w/-])skein ([a-z]+)", text)
        if make and make[1] not in self.tree.targets:
            self.fail(number, "no such target of make:", make[1])
        if program and '"%s"' % program[1] not in self.tree.all_code:
            self.fail(number, "no such command of skein:", program[1])
        for flag in re.findall(r"(?<![\w-])--([a-z][\w-]*)", text):
            self.flag(number, flag)
        self.check_paths(number, text)

    def span(self, number, span):
        if "://" in span or re.fullmatch(r"[\W\d]*", span):
            return
        self.command(number, span)
        rest = self.check_paths(number, span)
        rest = re.sub(r"(?<![\w-])--[a-z][\w-]*", " ", rest)
        for name in re.findall(r"\w+(?:::\w+)+", rest):
            if not self.tree.has_symbol(name) and not set(name.split("::")) & self.words:
                self.fail(number, "no such symbol:", name)
        rest = re.sub(r"\w+(?:::\w+)+", " ", rest)
        for word in re.findall(r"[A-Za-z_]\w*(?:-\w+)*", rest):
            self.word(number, word)

    def word(self, number, word):
        known = word in FOREIGN or word in self.words
        if known or re.fullmatch(r"[A-Z0-9_-]+|\w\w?|[A-Z][a-z]?", word):  # placeholders and short names of values
            return
        symbol = "_" in word or re.search(r"[a-z][A-Z]", word) or re.fullmatch(r"[A-Z][a-z]+", word)
        if symbol and word not in self.tree.symbols and word not in self.tree.words:
            self.fail(number, "no such symbol:", word)
        elif symbol and word not in self.tree.symbols and re.search(r"[a-z][A-Z]|^[A-Z][a-z]", word):
            self.fail(number, "a symbol in comments only:", word)
        elif not symbol and word not in self.tree.everything:
            for part in word.split("-"):
                if part not in self.tree.words and part not in FOREIGN and not part.isdigit():
                    self.fail(number, "no such word in the sources:", word)
                    break


def added_by_diffs(path):
    """Words and files that the diffs of a document add to the tree."""
    with open(path, encoding="utf-8") as file:
        lines = "".join(re.findall(r"^```diff\n(.*?)^```$", file.read(), flags=re.M | re.S)).split("\n")
    added = "\n".join(line[1:] for line in lines if line.startswith("+"))
    return words_of(added), {line[6:] for line in lines if line.startswith("+++ b/")}


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    tree = Tree(root)
    documents = sys.argv[2:] or ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"] + sorted(
        os.path.relpath(path, root) for path in glob.glob(os.path.join(root, "docs", "*.md")))
    bad = []
    for path in documents:
        bad += Document(tree, path, *added_by_diffs(os.path.join(root, path))).check()
    print("\n".join(bad) if bad else "%d documents name only what is there" % len(documents))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
