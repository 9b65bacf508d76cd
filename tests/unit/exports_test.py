#!/usr/bin/python3
"""exports_test.py SOURCE LIBCREW LIBCREW-TEST - four lists of public functions are the same:
what the public headers declare with CREW_API, the export maps, what the libraries export, and
what docs/libcrew.md lists. crew/test.h belongs to libcrew-test.so, all others to libcrew.so.
No document names a function that does not exist."""
import pathlib
import re
import subprocess
import sys

ENTRY_POINTS = {"crew_app_init", "crew_app_abi"}  # of an app, made by CREW_APP


def declared(headers):
    names = set()
    for header in headers:
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
    tests = headers / "test.h"
    for_tests = declared([tests])
    for_programs = declared(set(headers.glob("*.h")) - {tests})
    assert for_tests and for_programs, "no declarations found"
    wanted = for_tests | for_programs
    complaints = list(strangers(root, wanted | types(headers) | ENTRY_POINTS))
    libcrew = root / "libcrew"
    for place, expected, found in (
            ("libcrew/exports.map", for_programs, listed(libcrew / "exports.map")),
            ("libcrew.so", for_programs, exported(sys.argv[2])),
            ("libcrew/exports-test.map", for_tests, listed(libcrew / "exports-test.map")),
            ("libcrew-test.so", for_tests, exported(sys.argv[3])),
            ("docs/libcrew.md", wanted, documented(root / "docs" / "libcrew.md"))):
        complaints += [f"{name}: declared, not in {place}" for name in sorted(expected - found)]
        complaints += [f"{name}: in {place}, not declared" for name in sorted(found - expected)]
    print("\n".join(complaints))
    return 1 if complaints else 0


sys.exit(main())
