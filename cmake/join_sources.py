"""Writes files that include several sources each, for cmake/fast_build.cmake: most of a compiler's time goes to headers
and to the templates of these, which a joined file costs once.

  join_sources.py --name TARGET --to FOLDER --top TOP SOURCE…

Prints the files that are to be compiled in place of the sources. What the unnamed namespace of a source declares has
another name in each source, by #define, so that these may use any names; such names are read in messages of the build.
All headers come before that. A name that cannot be changed (of a test, or of a member) keeps files with the same word
out of the group. A source stays as it is where changes would do more than they should: with macros or `using namespace`
of its own, or where it declares what a header that it includes declares, too.
"""

import argparse
import re
from pathlib import Path

MOST_BYTES = 100_000  # of the sources of one file: g++ took up to 0.7 GB of memory for it
TYPE = re.compile(r"(?:enum class|struct|class|union|namespace) +(\w+)|using +(\w+) *=")
VARIABLE_OR_FUNCTION = re.compile(r"(\w+) *([({=[;])")
ENUM = re.compile(r"enum +(?!class\b)(\w+)? *(?::[^{]*)?\{(.*)")
FURTHER_VARIABLE = re.compile(r", (\w+) *[={[;]")
FOUND_BY_ARGUMENT = {"PrintTo", "from_json", "names_of", "to_json"}  # templates look for these; their arguments differ
NO_NAMES = re.compile(r"[A-Z0-9_]+|[a-z0-9_]+_t|int|struct")  # macros, types
UNNAMED = re.compile(r"\nnamespace \{\n(.*?)\n\}  // namespace\n", re.DOTALL)


def code_of(path):
    """The file without comments, texts and characters."""
    text = "\n" + path.read_text(encoding="utf-8")
    text = re.sub(r'R"\((.*?)\)"', '""', text, flags=re.DOTALL)
    text = re.sub(r"'\\?[^\n]'", "0", text)
    text = re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text)
    return re.sub(r" *(?<!:)//(?! namespace\n)[^\n]*", "", text)


def names_of_line(line):
    """What a line declares that begins without a blank."""
    before = None
    while before != line:
        before, line = line, re.sub(r"<[^<>]*>|__attribute__\(\(.*?\)\)|^\[\[.*?\]\] *", "", line)
    if enum := ENUM.match(line):
        return [n for n in [enum[1], *re.findall(r"(\w+) *(?:=[^,}]*)?[,}]", enum[2])] if n]
    if re.match(r"static_assert|using \w+:", line) or "operator" in line:
        return []
    if match := TYPE.match(line):
        return [match[1] or match[2]]
    match = VARIABLE_OR_FUNCTION.search(line)
    if not match:
        return []
    return [match[1]] + (FURTHER_VARIABLE.findall(line) if match[2] != "(" else [])


def declared(text):
    """Names that lines without a blank before them declare."""
    text = re.sub(r"(,|^enum\b[^\n]*\{)\n +", r"\1 ", text, flags=re.MULTILINE)
    lines = re.findall(r"^(?:[A-Za-z]|\} |\[\[).*", text, re.MULTILINE)
    return {name for line in lines for name in names_of_line(line) if not NO_NAMES.fullmatch(name)}


class Source:
    def __init__(self, path, top):
        self.path, self.top = path, top
        text = path.read_text(encoding="utf-8")
        self.includes = re.findall(r'^#include [<"].*', text, re.MULTILINE)
        code = code_of(path)
        self.words = set(re.findall(r"\w+", code))
        unnamed = UNNAMED.findall(code)
        own = set().union(*map(declared, unnamed)) - FOUND_BY_ARGUMENT
        tests = re.findall(r"^(?:TEST(?:_F|_P)?|INSTANTIATE_TEST_SUITE_P)\((\w+), *(\w+)", code, re.MULTILINE)
        members = set(re.findall(r"(?:\.|->|::)(\w+)", code))
        self.fixed = own & members.union(*tests)
        self.renamed = own - self.fixed
        self.stays = bool(re.search(r"^(#(?!include)|using namespace)", code, re.MULTILINE) or
                          own & self.header_names() or len(unnamed) != code.count("\nnamespace {\n"))
        self.bytes = len(text)

    def header_names(self):
        headers = [self.top / i[10:-1] for i in self.includes if i[9] == '"']
        return set().union(*(declared(code_of(h)) for h in headers if h.is_file()))

    def fits(self, others):
        return not any(self.fixed & o.words or o.fixed & self.words for o in others) and \
            self.bytes + sum(o.bytes for o in others) <= MOST_BYTES

    def joined(self):
        suffix = re.sub(r"\W", "_", str(self.path.relative_to(self.top).with_suffix("")))
        lines = [f"#define {w} {w}_of_{suffix}" for w in sorted(self.renamed)]
        lines.append(f'#include "{self.path}"')
        return lines + [f"#undef {w}" for w in sorted(self.renamed)]


def groups_of(sources):
    groups = []
    for s in sources:
        group = next((g for g in groups if not s.stays and not g[0].stays and s.fits(g)), None)
        if group is None:
            groups.append([s])
        else:
            group.append(s)
    return groups


def write_if_new(path, text):
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--top", type=Path, required=True)
    parser.add_argument("sources", type=Path, nargs="+")
    a = parser.parse_args()
    a.to.mkdir(parents=True, exist_ok=True)
    compiled = []
    for i, group in enumerate(groups_of([Source(p, a.top) for p in a.sources])):
        if len(group) == 1:
            compiled.append(group[0].path)
            continue
        includes = dict.fromkeys(line for s in group for line in s.includes)
        compiled.append(a.to / f"{a.name}_{i}.cpp")
        write_if_new(compiled[-1], "\n".join([*includes, *(line for s in group for line in s.joined()), ""]))
    print(";".join(map(str, compiled)), end="")


if __name__ == "__main__":
    main()
