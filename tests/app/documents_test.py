"""What the documents say is true: README's handler is examples/hello.c, docs/libcrew.md
shows examples/call.c, every C example of the docs compiles, and README and the man pages
list the options that the programs have, and crewctl's exit statuses, and what
docs/webservers.md shows of a configuration is in the configuration."""
import os
import re
import subprocess
import sys

SOURCE, COMPILER, *PROGRAMS = sys.argv[1:]
FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fsyntax-only",
         "-Wno-unused-function", "-I" + os.path.join(SOURCE, "libcrew", "include")]


# What an example may take for granted.
PAGES = {"handlers.md": ["crew/app.h", "stdio.h", "stdlib.h", "string.h", "unistd.h"],
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


def section(readme, title):
    return re.search(rf"^## {title}\n(.*?)^## ", readme, re.MULTILINE | re.DOTALL)[1]


def readme_options(readme, name):
    """A program's own options are in its table, the common ones in the third."""
    bridge, worker, common = re.split(r"^`app-worker |^All programs:",
                                      section(readme, "Options"), flags=re.MULTILINE)
    own = {"fcgi-bridge": bridge, "app-worker": worker,
           "crewctl": section(readme, "crewctl")}[name]
    return options(own) | options(common)


def show_help(program, *words):
    return subprocess.run([program, *words, "--help"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout


def help_options(program):
    """Those of its commands, too."""
    text = show_help(program)
    commands = re.search(r"^Commands:\n(.*?)^$", text, re.MULTILINE | re.DOTALL)
    for command in re.findall(r"^  (\w+)", commands[1] if commands else "", re.MULTILINE):
        text += show_help(program, command)
    return options(text)


def man_page(name):
    """Without escapes for fonts and hyphens."""
    return re.sub(r"\\f.|\\(?=-)", "", read("docs", name + ".1"))


def check_options(readme, program):
    name = os.path.basename(program)
    shown = help_options(program)
    for document, found in (("README.md", readme_options(readme, name)),
                            (f"{name}.1", options(man_page(name)))):
        if found ^ shown:
            sys.exit(f"{document} and {name} --help differ in {sorted(found ^ shown)}")


def check_exit_statuses(readme, program):
    """The outcomes' numbers in README, the man page and --help are the same eleven."""
    shown = set(re.findall(r"\b([12]\d) ([a-z-]+)", show_help(program)))
    found = {"README.md": re.findall(r"^\| (\d\d) \| `([a-z-]+)` \|", readme, re.MULTILINE),
             "crewctl.1": re.findall(r"^\.B (\d\d) ([a-z-]+)$", man_page("crewctl"),
                                     re.MULTILINE)}
    for document, pairs in found.items():
        if set(pairs) != shown or len(shown) != 11:
            sys.exit(f"{document} and crewctl --help differ in exit statuses: "
                     f"{sorted(set(pairs) ^ shown)}")


def check_snippets():
    """Each indented paragraph below "## Server" is in the file that the section links first,
    whatever the whitespace."""
    sections = re.findall(r"^## [^\n]+\n\n\[webservers/([\w.]+)\](.*?)(?=^## |\Z)",
                          read("docs", "webservers.md"), re.MULTILINE | re.DOTALL)
    files = os.listdir(os.path.join(SOURCE, "docs", "webservers"))
    if sorted(name for name, _ in sections) != sorted(files):
        sys.exit("docs/webservers.md does not have a section for each of docs/webservers")
    for name, text in sections:
        blocks = re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
        snippets = [" ".join(block.split()) for block in blocks]
        page = " ".join(read("docs", "webservers", name).split())
        if not snippets:
            sys.exit(f"docs/webservers.md shows nothing of {name}")
        for snippet in snippets:
            if snippet not in page:
                sys.exit(f"docs/webservers.md shows what is not in {name}: {snippet}")


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
        if os.path.basename(program) == "crewctl":
            check_exit_statuses(read("README.md"), program)
    check_snippets()
    print(f"{count} examples")


main()
