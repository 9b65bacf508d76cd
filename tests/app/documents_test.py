"""What the documents show is true: README's handler is examples/hello.c, and every C example
in docs/handlers.md compiles."""
import os
import re
import subprocess
import sys

SOURCE, COMPILER = sys.argv[1:]
FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fsyntax-only",
         "-Wno-unused-function", "-I" + os.path.join(SOURCE, "libcrew", "include")]


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def examples(text):
    return re.findall(r"^```c\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def compile_example(source):
    if "#include <crew/app.h>" not in source:
        source = "#include <crew/app.h>\n#include <stdlib.h>\n#include <string.h>\n" + source
    run = subprocess.run([COMPILER, *FLAGS, "-x", "c", "-"], input=source, text=True,
                         stderr=subprocess.PIPE, check=False)
    if run.returncode != 0:
        sys.exit(f"this example does not compile:\n{source}\n{run.stderr}")


def main():
    readme = examples(read("README.md"))
    if readme != [read("examples", "hello.c")]:
        sys.exit("README.md's handler is not examples/hello.c")
    handlers = examples(read("docs", "handlers.md"))
    if not handlers:
        sys.exit("docs/handlers.md has no examples")
    for source in handlers:
        compile_example(source)
    print(f"{len(readme)} + {len(handlers)} examples")


main()
