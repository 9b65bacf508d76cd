"""What the documents say is true. README's handler is examples/hello.c, docs/libcrew.md shows
examples/call.c, and every C example of the docs compiles. docs/reference.md and the man pages
list the options that the programs have, crewctl's exit statuses, and the bridge's parameters,
outcomes and header fields; README mentions no others, and has at most 250 lines. docs/wire.md
lists the kinds and fields of the envelope, and the outcomes. What docs/webservers.md shows of
a configuration is in the configuration. Links lead to sections and names of files to files
that exist."""
import os
import re
import subprocess
import sys
import tempfile

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


def section(page, title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)[1]


def reference_options(reference, name):
    """A program's own options are in its table, the common ones in the third."""
    bridge, worker, common = re.split(r"^`app-worker |^All programs:",
                                      section(reference, "Options"), flags=re.MULTILINE)
    own = {"fcgi-bridge": bridge, "app-worker": worker,
           "crewctl": section(reference, "crewctl")}[name]
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


def differ(subject, found, expected):
    if set(found) != set(expected):
        sys.exit(f"{subject} differ in {sorted(set(found) ^ set(expected))}")


def check_options(reference, program):
    name = os.path.basename(program)
    shown = help_options(program)
    differ(f"docs/reference.md and {name} --help", reference_options(reference, name), shown)
    differ(f"{name}.1 and {name} --help", options(man_page(name)), shown)
    return shown


def check_exit_statuses(reference, program):
    """The outcomes' numbers in reference.md, the man page and --help are the same eleven."""
    shown = set(re.findall(r"\b([12]\d) ([a-z-]+)", show_help(program)))
    if len(shown) != 11:
        sys.exit(f"crewctl --help lists {len(shown)} outcomes")
    differ("docs/reference.md and crewctl --help",
           re.findall(r"^\| (\d\d) \| `([a-z-]+)` \|", reference, re.MULTILINE), shown)
    differ("crewctl.1 and crewctl --help",
           re.findall(r"^\.B (\d\d) ([a-z-]+)$", man_page("crewctl"), re.MULTILINE), shown)


def sources(*folder):
    """The text of all files below FOLDER."""
    texts = []
    for path, _, names in sorted(os.walk(os.path.join(SOURCE, *folder))):
        texts += [read(path, name) for name in sorted(names) if name.endswith((".c", ".h"))]
    return "\n".join(texts)


def man_parameters(page):
    """Those that have a paragraph of their own."""
    return re.findall(r"^\.B (CREW_[A-Z_]+)$", page.split(".SH PARAMETERS")[1]
                      .split(".SH SUBSCRIBERS")[0], re.MULTILINE)


def check_parameters(reference, bridge):
    """The names in the bridge's table of parameters (http/params.c)."""
    row = r'^    {\.name = "([A-Z_]+)",\s*\.read = read_'
    known = {"CREW_" + name for name in re.findall(row, bridge, re.MULTILINE)}
    if len(known) < 10:
        sys.exit("no table of CREW_ parameters was found in fcgi-bridge")
    rows = re.findall(r"^\| `(CREW_[A-Z_]+)`", section(reference, "FastCGI parameters"),
                      re.MULTILINE)
    differ("docs/reference.md and the bridge's parameters", set(rows) - {"CREW_STATUS"}, known)
    differ("fcgi-bridge.1 and the bridge's parameters", man_parameters(man_page("fcgi-bridge")),
           known)


def outcomes(code):
    """The words in a table of outcomes with their statuses; no client sees "cancelled"."""
    rows = re.findall(r'"([a-z-]+)",\s*(?:\.status = )?([45]\d\d)\b', code)
    return set(rows) - {("cancelled", "499")}


def check_outcomes(reference, bridge):
    """Those of libcrew in wire.md, with the bridge's own in reference.md."""
    of_calls = outcomes(read("libcrew", "src", "wire", "outcome.c"))
    if len(of_calls) < 10:
        sys.exit("no table of outcomes was found in libcrew")
    differ("docs/wire.md and the outcomes of calls",
           re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|",
                      section(read("docs", "wire.md"), "Outcomes"), re.MULTILINE), of_calls)
    shown = re.findall(r"\| (\d{3}) \| `([a-z-]+)` \|", section(reference, "Outcomes"))
    differ("docs/reference.md and the outcomes", {(word, status) for status, word in shown},
           of_calls | outcomes(bridge))


def check_envelope():
    """wire.md has the kinds and fields of wire/envelope.h, with their numbers."""
    page = section(read("docs", "wire.md"), "The envelope")
    header = read("libcrew", "src", "wire", "envelope.h")
    kinds = re.findall(r"^    WIRE_(?!F_)([A-Z]+) = (\d+)", header, re.MULTILINE)
    fields = re.findall(r"^    WIRE_F_([A-Z_]+) = (\d+)", header, re.MULTILINE)
    tables = page.split("| code | field |")
    for what, known, table in (("kinds", kinds, tables[0]), ("fields", fields, tables[1])):
        differ(f"docs/wire.md and the {what} of wire/envelope.h",
               re.findall(r"^\| (\d+) \| ([a-z_]+) \|", table, re.MULTILINE),
               {(number, name.lower()) for name, number in known})


def check_fields(reference, bridge):
    """Crew- fields of the bridge, written in its code or read as a CGI parameter."""
    known = set(re.findall(r'"(Crew-[A-Z][a-z]+)[:"]', bridge))
    known |= {name.title().replace("_", "-")
              for name in re.findall(r'"HTTP_(CREW_[A-Z]+)"', bridge)}
    differ("docs/reference.md and the bridge's header fields",
           re.findall(r"`(Crew-[A-Z][a-z]+)`", section(reference, "Header fields")), known)


def anchors(page):
    """As GitHub makes them of the headings."""
    text = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles} | set(
        re.findall(r'<a id="([\w-]+)">', page))


def pages():
    names = sorted(os.listdir(os.path.join(SOURCE, "docs")))
    return ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"] + [
        os.path.join("docs", name) for name in names if name.endswith(".md")]


def source_files():
    for folder in ("libcrew", "daemon", "fcgi-bridge", "app-worker", "crewctl", "examples",
                   "bench", "tests"):
        for path, _, names in os.walk(os.path.join(SOURCE, folder)):
            yield from ("/" + os.path.relpath(os.path.join(path, name), SOURCE)
                        for name in names)


def check_file_names():
    """A name such as `call.c` or `wire/retry_policy.c` is that of a source file."""
    files = list(source_files())
    for page in pages():
        for name in set(re.findall(r"`([a-z][a-z0-9_/-]+\.(?:[ch]|py))`", read(page))):
            if not any(path.endswith("/" + name) for path in files):
                sys.exit(f"{page} names {name}, and there is no such file")


def check_links():
    for page in pages():
        for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
            path, _, anchor = target.partition("#")
            if "://" in path:
                continue
            to = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            if not os.path.exists(os.path.join(SOURCE, to)):
                sys.exit(f"{page} links to {to}, which does not exist")
            if anchor and anchor not in anchors(read(to)):
                sys.exit(f"{page} links to {to}#{anchor}, and there is no such section")


def check_picture():
    """The folders in architecture.md are as tools/graph draws them."""
    page = read("docs", "architecture.md")
    with tempfile.NamedTemporaryFile("w+", encoding="utf-8") as copy:
        copy.write(page)
        copy.flush()
        subprocess.run([sys.executable, os.path.join(SOURCE, "tools", "graph"), "--docs",
                        copy.name, SOURCE], stdout=subprocess.DEVNULL, check=True)
        with open(copy.name, encoding="utf-8") as drawn:
            if drawn.read() != page:
                sys.exit("the picture in docs/architecture.md is out of date: run "
                         "tools/graph --docs docs/architecture.md")


def check_readme(known_options):
    readme = read("README.md")
    if readme.count("\n") > 250:
        sys.exit("README.md has more than 250 lines: move details to docs/")
    scripts = {"--fast", "--detach", "--stop", "--port", "--prefix", "--build", "--install",
               "--cflags", "--libs"}
    unknown = options(readme) - known_options - scripts
    if unknown:
        sys.exit(f"README.md names options that do not exist: {sorted(unknown)}")


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
    reference = read("docs", "reference.md")
    known_options = set()
    for program in PROGRAMS:
        known_options |= check_options(reference, program)
        if os.path.basename(program) == "crewctl":
            check_exit_statuses(reference, program)
    bridge = sources("fcgi-bridge")
    check_parameters(reference, bridge)
    check_outcomes(reference, bridge)
    check_fields(reference, bridge)
    check_envelope()
    check_readme(known_options)
    check_links()
    check_file_names()
    check_picture()
    check_snippets()
    print(f"{count} examples")


main()
