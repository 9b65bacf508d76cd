#!/usr/bin/python3
"""man3_test.py SOURCE - every public function has its comment, and tools/man3 makes pages
of them that neither groff nor mandoc has to complain about. It notices what is missing."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# What the sources say, what is to stand there instead, and what man3 says to it.
BREAKAGES = [
    ("error.h", "/* crew_strerror - ", "/* ", "crew_strerror - "),
    ("error.h", "/* crew_strerror - ", "/* crew_error_word - ", "crew_strerror - "),
    ("app.h", "/* crew_app_argc, crew_app_argv - ", "/* crew_app_argc - ", "crew_app_argv - "),
    ("app.h", "/* CREW_APP(app) ", "/* An app ", "CREW_APP - "),
    ("client.h", "/* What a task's queue was like a moment ago. */\n", "", "struct crew_queue"),
    ("worker.h", "\nCREW_API bool crew_worker_ready", "\n\nCREW_API bool crew_worker_ready",
     "no comment above crew_worker_ready"),
    ("json.h", "/* crew/json.h - ", "/* ", "crew/json.h: does not begin with"),
]


def man3(root, headers, folder):
    return subprocess.run([sys.executable, "-B", root / "tools" / "man3", headers, folder, "1"],
                          capture_output=True, text=True, check=False)


def check_pages(root, folder):
    done = man3(root, root / "libcrew" / "include" / "crew", folder)
    assert done.returncode == 0, done.stderr
    pages = sorted(folder.glob("*.3"))
    functions = re.findall(r"\b(crew_\w+);", "".join(
        file.read_text() for file in (root / "libcrew").glob("exports*.map")))
    missing = {f"{name}.3" for name in functions} - {page.name for page in pages}
    assert functions and not missing, missing
    for page in pages:
        if not page.read_text().startswith(".so "):
            check_page(page)


def check_page(page):
    rendered = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-rLL=78n", page],
                              capture_output=True, text=True, check=True)
    assert not rendered.stderr, rendered.stderr
    text = re.sub(r".\x08", "", rendered.stdout)  # bold is struck over
    wide = [line for line in text.splitlines() if len(line) > 80]
    assert not wide, f"{page.name}: wider than a terminal: {wide}"
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True,
                          text=True, check=False).stdout.splitlines()
    lint = [line for line in lint if "missing date" not in line]  # there is none
    assert not lint, lint


def check_breakages(root, folder):
    for name, old, new, complaint in BREAKAGES:
        headers = folder / "crew"
        shutil.copytree(root / "libcrew" / "include" / "crew", headers)
        text = (headers / name).read_text()
        assert old in text, f"{name}: no longer there: {old}"
        (headers / name).write_text(text.replace(old, new))
        done = man3(root, headers, folder / "man3")
        assert done.returncode == 1 and complaint in done.stderr, (name, new, done.stderr)
        assert done.stderr.count("\n") == 1 and not (folder / "man3").exists(), done.stderr
        shutil.rmtree(headers)


def main():
    root = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        check_breakages(root, pathlib.Path(folder))
        check_pages(root, pathlib.Path(folder, "man3"))


main()
