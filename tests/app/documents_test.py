"""What the documents say is true: README's handler is examples/hello.c, docs/libcrew.md
shows examples/call.c, every C example of the docs compiles, and README lists the options
that the programs have."""
import os
import re
import subprocess
import sys

SOURCE, COMPILER, *PROGRAMS = sys.argv[1:]
FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fsyntax-only",
         "-Wno-unused-function", "-I" + os.path.join(SOURCE, "libcrew", "include")]


# What an example may take for granted.
PAGES = {"handlers.md": ["crew/app.h", "stdlib.h", "string.h"],
         "libcrew.md": ["crew/client.h", "poll.h", "stdio.h"]}


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def examples(text):
    return re.findall(r"^```c\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def compile_example(source, headers):
    if "#include <crew/" not in source:
        source = "".join(f"#include <{name}>\n" for name in headers) + source
    run = subprocess.run([COMPILER, *FLAGS, "-x", "c", "-"], input=source, text=True,
                         stderr=subprocess.PIPE, check=False)
    if run.returncode != 0:
        sys.exit(f"this example does not compile:\n{source}\n{run.stderr}")


def options(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def check_options(readme, program):
    """A program's own options are in its table, the common ones in the third."""
    section = re.search(r"^## Options\n(.*?)^## ", readme, re.MULTILINE | re.DOTALL)[1]
    bridge, worker, both = re.split(r"^`app-worker |^Both programs:", section,
                                    flags=re.MULTILINE)
    own = bridge if os.path.basename(program) == "fcgi-bridge" else worker
    shown = subprocess.run([program, "--help"], stdout=subprocess.PIPE, text=True,
                           check=True).stdout
    difference = (options(own) | options(both)) ^ options(shown)
    if difference:
        sys.exit(f"README.md and {program} --help differ in {sorted(difference)}")


def main():
    readme = examples(read("README.md"))
    if readme != [read("examples", "hello.c")]:
        sys.exit("README.md's handler is not examples/hello.c")
    if read("examples", "call.c") not in examples(read("docs", "libcrew.md")):
        sys.exit("docs/libcrew.md does not show examples/call.c")
    count = len(readme)
    for page, headers in PAGES.items():
        found = examples(read("docs", page))
        if not found:
            sys.exit(f"docs/{page} has no examples")
        for source in found:
            compile_example(source, headers)
        count += len(found)
    for program in PROGRAMS:
        check_options(read("README.md"), program)
    print(f"{count} examples")


main()
