#!/usr/bin/python3
"""comments_test.py ROOT - the form of comments in C sources, which clang-format does not
touch: no line over 90 columns, section rulers on one line, no comment end on a line of its
own behind a comment of one line."""
import os
import pathlib
import re
import sys

COLUMNS = 90


def sources(root):
    for folder, folders, files in os.walk(root):
        if pathlib.Path(folder) == root:
            folders[:] = [name for name in folders if not name.startswith((".", "build"))]
        yield from (pathlib.Path(folder, name) for name in files if name.endswith((".c", ".h")))


def comments(text):
    """(line number, lines) of each comment; the first line with the code before it."""
    for match in re.finditer(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/', text, flags=re.S):
        if match.group().startswith("/*"):
            begin = text.rfind("\n", 0, match.start()) + 1
            end = text.find("\n", match.end())
            yield text.count("\n", 0, begin) + 1, text[begin:end].split("\n")


def complaints(text):
    for number, lines in comments(text):
        for offset, line in enumerate(lines):
            if len(line) > COLUMNS:
                yield number + offset, f"a comment of {len(line)} columns"
        if re.match(r"\s*/\* ----", lines[0]) and not re.search(r"---- \*/$", lines[0]):
            yield number, "a section ruler that does not fit on its line"
        if len(lines) == 2 and lines[1].strip() == "*/":
            yield number + 1, "the end of a one-line comment on a line of its own"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    files = sorted(sources(root))
    assert len(files) > 20, "no sources found"
    found = 0
    for path in files:
        for number, complaint in complaints(path.read_text()):
            print(f"{path.relative_to(root)}:{number}: {complaint}")
            found += 1
    return 1 if found else 0


sys.exit(main())
