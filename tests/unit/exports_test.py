#!/usr/bin/python3
"""exports_test.py HEADERS LIBRARY - the functions that the public headers declare with
CREW_API are exactly the symbols that the library exports."""
import pathlib
import re
import subprocess
import sys


def declared(folder):
    names = set()
    for header in folder.glob("*.h"):
        text = header.read_text()
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        text = re.sub(r"^#.*?(?<!\\)$", "", text, flags=re.S | re.M)  # macros
        for declaration in re.findall(r"\bCREW_API\b([^;]*);", text):
            before = declaration.split("__attribute__")[0]
            names.add(re.search(r"(\w+)\s*(?:\(|$)", before.strip()).group(1))
    return names


def exported(library):
    lines = subprocess.run(["nm", "-D", "--defined-only", library], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    names = {line.split()[-1].split("@")[0] for line in lines}
    return {name for name in names if not name.startswith(("__asan", "__odr_asan", "_init",
                                                           "_fini"))}


def main():
    wanted, found = declared(pathlib.Path(sys.argv[1])), exported(sys.argv[2])
    assert wanted, "no declarations found"
    for name in sorted(wanted - found):
        print(f"{name}: declared, not exported")
    for name in sorted(found - wanted):
        print(f"{name}: exported, not declared")
    return 1 if wanted != found else 0


sys.exit(main())
