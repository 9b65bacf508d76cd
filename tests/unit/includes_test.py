#!/usr/bin/python3
"""includes_test.py ROOT - the rules that a machine can check: who includes whom, who
uses which library, and which file names say nothing."""
import os
import pathlib
import re
import sys

SAYS_NOTHING = {"util", "utils", "misc", "common", "helpers"}

# What each folder may include by "...", besides files of its own folder; first match counts.
FOLDERS = [
    ("libcrew/include/crew", []),
    ("libcrew/src/base", ["base/"]),
    ("libcrew/src/wire", ["base/", "wire/"]),
    ("libcrew/src/amqp", ["base/", "wire/", "amqp/"]),
    ("libcrew/src/session", ["base/", "wire/", "amqp/", "session/"]),
    ("libcrew/src/client", ["base/", "wire/", "amqp/", "session/", "client/"]),
    ("libcrew/src/worker", ["base/", "wire/", "amqp/", "session/", "worker/"]),
    ("libcrew/src/pubsub", ["base/", "wire/", "amqp/", "session/", "pubsub/"]),
    ("libcrew/src/app", ["base/", "wire/", "app/"]),
    ("libcrew/src/test", ["base/", "wire/", "test/"]),
    ("libcrew/src", ["base/", "wire/"]),
    ("daemon", ["base/", "wire/", "daemon/"]),
    ("fcgi-bridge/fcgi", ["base/", "wire/", "daemon/"]),
    ("fcgi-bridge/http", ["base/", "wire/", "daemon/", "fcgi-bridge/fcgi/"]),
    ("fcgi-bridge/pubsub", ["base/", "wire/", "daemon/", "fcgi-bridge/fcgi/",
                            "fcgi-bridge/http/"]),
    ("fcgi-bridge", ["base/", "wire/", "daemon/", "fcgi-bridge/"]),
    ("app-worker/ipc", ["base/", "wire/", "app-worker/ipc/"]),
    ("app-worker/scheduler", ["base/", "daemon/", "app-worker/scheduler/"]),
    ("app-worker/child", ["base/", "wire/", "app-worker/ipc/"]),
    ("app-worker", ["base/", "wire/", "daemon/", "app-worker/"]),
    ("crewctl", ["base/", "wire/", "daemon/", "crewctl/"]),
    ("apps", []),
    ("examples", []),
]

# Libraries and the only places (path prefixes) that may include them.
LIBRARIES = [
    (r"amqp.*\.h", ["libcrew/src/amqp/"]),
    (r"openssl/.*", ["libcrew/src/amqp/tls.c"]),
    (r"fcgiapp\.h|fcgios\.h|fcgi_stdio\.h|fcgimisc\.h", ["fcgi-bridge/fcgi/codec.c"]),
    (r"zlib\.h", ["libcrew/src/wire/gzip.c"]),
    (r"jansson\.h", ["libcrew/src/wire/", "libcrew/include/crew/json.h", "daemon/",
                    "fcgi-bridge/", "app-worker/", "crewctl/"]),
    (r"uv\.h", ["fcgi-bridge/", "app-worker/", "examples/"]),
    (r"dlfcn\.h", ["libcrew/src/app/"]),
]

OUTSIDERS = ("tests/", "bench/")  # they may use everything


def sources(root):
    """All but what a build makes and takes away while we look."""
    for folder, folders, files in os.walk(root):
        if pathlib.Path(folder) == root:
            folders[:] = [name for name in folders if not name.startswith((".", "build"))]
        for name in files:
            path = pathlib.Path(folder, name)
            if path.suffix in (".c", ".h", ".py", ".sh"):
                yield path, path.relative_to(root).as_posix()


def rules_of(name):
    for folder, allowed in FOLDERS:
        if name.startswith(folder + "/"):
            return folder, allowed
    return None, None


def check_quoted(path, target, name):
    folder, allowed = rules_of(name)
    if folder is None:
        return None if name.startswith(OUTSIDERS) else "belongs to no folder of the project"
    own = "/" not in target and (path.parent / target).exists()
    if own or any(target.startswith(prefix) for prefix in allowed):
        return None
    return f'must not include "{target}"'


def check_angled(target, name):
    if name.startswith(OUTSIDERS) or target.startswith("crew/"):
        return None
    for pattern, places in LIBRARIES:
        if re.fullmatch(pattern, target) and not name.startswith(tuple(places)):
            return f"must not include <{target}>"
    return None


def complaints(path, name):
    text = path.read_text(errors="replace")
    if path.stem in SAYS_NOTHING:
        yield "has a name that says nothing"
    if path.suffix in (".c", ".h"):
        for target in re.findall(r'^\s*#\s*include\s*"([^"]+)"', text, flags=re.M):
            yield check_quoted(path, target, name)
        for target in re.findall(r"^\s*#\s*include\s*<([^>]+)>", text, flags=re.M):
            yield check_angled(target, name)


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    files = found = 0
    for path, name in sorted(sources(root)):
        files += 1
        for complaint in filter(None, complaints(path, name)):
            print(f"{name}: {complaint}")
            found += 1
    assert files > 20, "no sources found"
    return 1 if found else 0


sys.exit(main())
