#!/usr/bin/python3
"""glossary_test.py ROOT - the name of each source file is made of terms of docs/glossary.md:
one term, or several that are joined with "_". A plural "s" is accepted."""
import pathlib
import re
import sys

FOLDERS = ["libcrew/src", "libcrew/include/crew", "daemon", "fcgi-bridge", "app-worker",
           "crewctl"]


def read_terms(page):
    """The terms of PAGE in their order."""
    return re.findall(r"^- \*\*(.+?)\*\*: \S.*\.$", page, flags=re.MULTILINE)


def names_of(term):
    """caller-driven I/O: caller_driven_io; UTF-8: utf8."""
    name = term.lower().replace("/", "")
    return {re.sub(r"[ -]", "_", name), name.replace("-", "").replace(" ", "_")}


def made_of(stem, names):
    """Whether STEM is one of NAMES, or some of them joined with "_"."""
    if stem in names or (stem.endswith("s") and stem[:-1] in names):
        return True
    return any(made_of(stem[:i], names) and made_of(stem[i + 1:], names)
               for i, letter in enumerate(stem) if letter == "_")


def sources(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.[ch]")):
            yield path.relative_to(root).as_posix(), path.stem.removesuffix("_internal")


def complaints(root, page):
    terms = read_terms(page)
    for line in page.splitlines():
        if line.startswith("- ") and not read_terms(line):
            yield f'docs/glossary.md: not of the form "- **term**: definition.": {line}'
    for before, after in zip(terms, terms[1:]):
        if before.casefold() == after.casefold():
            yield f'docs/glossary.md: "{after}" stands there twice'
        elif before.casefold() > after.casefold():
            yield f'docs/glossary.md: "{after}" must stand before "{before}"'
    names = set().union(*map(names_of, terms))
    for file, stem in sources(root):
        if not made_of(stem, names):
            yield (f'{file}: "{stem}" is not made of terms of docs/glossary.md: name the file '
                   "after a term, or add the term with its definition there")


def main():
    root = pathlib.Path(sys.argv[1])
    page = (root / "docs" / "glossary.md").read_text(encoding="utf-8")
    found = list(complaints(root, page))
    assert len(list(sources(root))) > 100, "no sources found"
    print("\n".join(found))
    return 1 if found else 0


sys.exit(main())
