#!/usr/bin/python3
"""exports_test.py SOURCE LIBRARY - four lists of public functions are the same: what the
public headers declare with CREW_API, libcrew/exports.map, what the library exports, and
what docs/libcrew.md lists. No document speaks of a function that is not there."""
import pathlib
import re
import subprocess
import sys

ENTRY_POINTS = {"crew_app_init", "crew_app_abi"}  # of an app, made by CREW_APP


def declared(headers):
    names = set()
    for header in headers.glob("*.h"):
        text = header.read_text()
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        text = re.sub(r"^#.*?(?<!\\)$", "", text, flags=re.S | re.M)  # macros
        for declaration in re.findall(r"\bCREW_API\b([^;]*);", text):
            before = declaration.split("__attribute__")[0]
            names.add(re.search(r"(\w+)\s*(?:\(|$)", before.strip()).group(1))
    return names


def listed(export_map):
    text = re.sub(r"/\*.*?\*/", "", export_map.read_text(), flags=re.S)
    return set(re.findall(r"\b(crew_\w+);", text))


def exported(library):
    lines = subprocess.run(["nm", "-D", "--defined-only", library], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    names = {line.split()[-1].split("@")[0] for line in lines}
    return {name for name in names if not name.startswith(("__asan", "__odr_asan", "_init",
                                                           "_fini"))}


def documented(page):
    section = re.search(r"^## All functions\n(.*)", page.read_text(), re.S | re.M)[1]
    return set(re.findall(r"`(crew_\w+)`", section))


def types(headers):
    """Names in the headers that are no functions: types, struct tags."""
    return set(re.findall(r"\bcrew_\w+", " ".join(h.read_text() for h in headers.glob("*.h"))))


def strangers(root, names):
    for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        for name in re.findall(r"\bcrew_\w+(?=[`(])", page.read_text()):
            if name not in names:
                yield f"{page.name}: {name} is no function of libcrew"


def main():
    root = pathlib.Path(sys.argv[1])
    headers = root / "libcrew" / "include" / "crew"
    wanted = declared(headers)
    assert wanted, "no declarations found"
    complaints = list(strangers(root, wanted | types(headers) | ENTRY_POINTS))
    for place, found in (("libcrew/exports.map", listed(root / "libcrew" / "exports.map")),
                         ("the library", exported(sys.argv[2])),
                         ("docs/libcrew.md", documented(root / "docs" / "libcrew.md"))):
        complaints += [f"{name}: declared, not in {place}" for name in sorted(wanted - found)]
        complaints += [f"{name}: in {place}, not declared" for name in sorted(found - wanted)]
    print("\n".join(complaints))
    return 1 if complaints else 0


sys.exit(main())
