"""Writes files that include several sources each, for cmake/fast_build.cmake: most of a compiler's time goes to headers
and to the templates of these, which a joined file costs once.

  join_sources.py --name TARGET --to FOLDER --top TOP SOURCE…

Prints the files that are to be compiled in place of the sources. What the unnamed namespace of a source declares has
another name in each source, by #define, so that sources may use any names. All headers come before that. A source stays
as it is where this would change more than it should: with macros or `using namespace` of its own, or where it declares
what a header that it includes declares, too.
"""

import argparse
import re
from pathlib import Path

MOST_BYTES = 100_000  # of the sources of one file: what a compiler with 2 GB of memory does
TYPE = re.compile(r"(?:enum class|struct|class|union|namespace) +(\w+)|using +(\w+) *=")
VARIABLE_OR_FUNCTION = re.compile(r"(\w+) *([({=[;])")
FURTHER_VARIABLE = re.compile(r", (\w+) *[={[;]")
FOUND_BY_ARGUMENT = {"PrintTo", "from_json", "names_of", "to_json"}  # templates look for these; their arguments differ
UNNAMED = re.compile(r"\nnamespace \{\n(.*?)\n\}  // namespace\n", re.DOTALL)


def code_of(path):
    """The file without comments and texts."""
    text = "\n" + path.read_text(encoding="utf-8")
    text = re.sub(r'R"\((.*?)\)"', '""', text, flags=re.DOTALL)
    text = re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text)
    return re.sub(r" *(?<!:)//(?! namespace\n)[^\n]*", "", text)


def names_of_line(line):
    """What a line declares that begins without a blank."""
    before = None
    while before != line:
        before, line = line, re.sub(r"<[^<>]*>|__attribute__\(\(.*?\)\)", "", line)
    if re.match(r"enum *(:|\{|\w+ *\{)", line):
        return re.findall(r"\w+", line)[1:]
    if re.match(r"static_assert|using \w+:", line) or "operator" in line:
        return []
    if match := TYPE.match(line):
        return [match[1] or match[2]]
    match = VARIABLE_OR_FUNCTION.search(line)
    if not match:
        return []
    return [match[1]] + (FURTHER_VARIABLE.findall(line) if match[2] != "(" else [])


def declared(text):
    """Names that lines without a blank before them declare. Those in capitals are macros."""
    lines = re.findall(r"^(?:[A-Za-z]|\} ).*", text, re.MULTILINE)
    return {n for line in lines for n in names_of_line(line) if not re.fullmatch(r"[A-Z0-9_]+|[a-z0-9_]+_t|int|struct", n)}


class Source:
    def __init__(self, path, top):
        self.path, self.top = path, top
        text = path.read_text(encoding="utf-8")
        self.includes = re.findall(r'^#include [<"].*', text, re.MULTILINE)
        code = code_of(path)
        self.words = set(re.findall(r"\w+", code))
        own = set().union(*(declared(block) for block in UNNAMED.findall(code)), set())
        suites = set(re.findall(r"^TEST(?:_F|_P)?\((\w+)", code, re.MULTILINE))
        self.fixed = suites & own | {w for w in own - FOUND_BY_ARGUMENT if re.search(rf"(?:\.|->|::){w}\b", code)}
        self.renamed = own - self.fixed - FOUND_BY_ARGUMENT
        self.stays = bool(re.search(r"^(#(?!include)|using namespace)", code, re.MULTILINE)) or \
            bool((own - FOUND_BY_ARGUMENT) & self.header_names())
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
