"""The installation is complete: programs, apps and tests of apps can be built with it, by
pkg-config and by CMake."""
import glob
import os
import re
import shutil
import subprocess

import pytest

from support.program import BUILD, ROOT
from support.worker import Worker

pytestmark = pytest.mark.skipif(bool(os.environ.get("CREW_SANITIZE")),
                                reason="the normal build's")

CONSUMER = """
cmake_minimum_required(VERSION 3.25)
project(consumer C)
find_package(crew REQUIRED)
add_executable(call call.c)
target_link_libraries(call PRIVATE crew::crew)
add_library(app MODULE app.c)
target_link_libraries(app PRIVATE crew::crew -Wl,-z,defs)
add_executable(app_test app_test.c app.c)
target_link_libraries(app_test PRIVATE crew::crew-test)
"""

APP = """
#include <crew/app.h>
#include <crew/json.h>

static int show(crew_request *request, crew_response *response) {
    json_t *json;
    int error = crew_request_json(request, &json);
    return error != 0 ? error
                      : crew_response_printf(response, "%zu", json_array_size(json));
}

CREW_APP(app) {
    return crew_app_route(app, "POST", "/", show);
}
"""

APP_TEST = """
#include <crew/test.h>
#include <stdio.h>

int main(void) {
    crew_test *test;
    char why[256];
    if (crew_test_new_app(crew_app_init, NULL, &test, why, sizeof why) != 0)
        return 1;
    puts(crew_test_post_json(test, "/", "[1, 2, 3]")->body);
    crew_test_free(test);
    return 0;
}
"""


def run(*command, environment=None):
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env=os.environ | (environment or {}), timeout=120)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Installed into one folder, and then moved to another."""
    first = tmp_path_factory.mktemp("install") / "first"
    run("cmake", "--install", BUILD, "--prefix", str(first))
    moved = first.parent / "moved"
    shutil.move(first, moved)
    return str(moved)


@pytest.fixture(scope="module")
def pkg_config(prefix):
    [folder] = [path for path, _, files in os.walk(prefix) if "crew.pc" in files]
    return {"PKG_CONFIG_PATH": folder}


@pytest.fixture
def classic(environment, broker, prefix):
    """The installed worker."""
    worker = Worker(environment.folder, broker,
                    app=os.path.join(BUILD, "examples", "classic.so"))
    command = worker.command()
    command[0] = os.path.join(prefix, "bin", "app-worker")
    worker.command = lambda: command
    return environment.keep(worker).start()


@pytest.fixture
def consumer(tmp_path):
    """The program that docs/libcrew.md shows, and an app, alone in a folder."""
    with open(os.path.join(ROOT, "docs", "libcrew.md"), encoding="utf-8") as file:
        text = re.search(r"^```c\n(.*?)^```", file.read(), re.M | re.S)[1]
    assert text.count("\n") <= 40
    (tmp_path / "call.c").write_text(text)
    (tmp_path / "app.c").write_text(APP)
    (tmp_path / "app_test.c").write_text(APP_TEST)
    return tmp_path


def test_client_program(consumer, pkg_config, classic, broker):
    flags = run("pkg-config", "--cflags", "--libs", "crew", environment=pkg_config).split()
    program = str(consumer / "call")
    run("cc", "-Wall", "-Wextra", "-Werror", "-o", program, str(consumer / "call.c"), *flags)
    libraries = run("pkg-config", "--variable=libdir", "crew", environment=pkg_config).strip()
    there = {"CREW_AMQP_URL": broker.url, "LD_LIBRARY_PATH": libraries}
    assert re.fullmatch(r"I'm worker \"[0-9a-f-]{36}\"\. And I serve \d+ tasks",
                        run(program, "stat", environment=there))
    assert run(program, "test", environment=there) == "Wake up Neo.\n"
    classic.stop()


def test_app_with_json(consumer, pkg_config):
    """The flags of crew include jansson."""
    flags = run("pkg-config", "--cflags", "--libs", "crew", environment=pkg_config).split()
    run("cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-Wl,-z,defs", "-o",
        str(consumer / "app.so"), str(consumer / "app.c"), *flags)


def test_app_test(consumer, pkg_config):
    flags = run("pkg-config", "--cflags", "--libs", "crew-test",
                environment=pkg_config).split()
    program = str(consumer / "app_test")
    run("cc", "-Wall", "-Wextra", "-Werror", "-o", program, str(consumer / "app_test.c"),
        str(consumer / "app.c"), *flags)
    libraries = run("pkg-config", "--variable=libdir", "crew-test",
                    environment=pkg_config).strip()
    assert run(program, environment={"LD_LIBRARY_PATH": libraries}) == "3\n"


def test_cmake_package(consumer, prefix):
    (consumer / "CMakeLists.txt").write_text(CONSUMER)
    build = str(consumer / "build")
    run("cmake", "-S", str(consumer), "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", build)
    assert os.access(os.path.join(build, "call"), os.X_OK)
    assert os.access(os.path.join(build, "libapp.so"), os.F_OK)
    assert run(os.path.join(build, "app_test")) == "3\n"


def test_headers_stand_alone(prefix, pkg_config, tmp_path):
    """Each header compiles by itself, also as C++."""
    flags = run("pkg-config", "--cflags", "crew", environment=pkg_config).split()
    names = os.listdir(os.path.join(prefix, "include", "crew"))
    assert "client.h" in names
    for name in names:
        source = tmp_path / "one.c"
        source.write_text(f"#include <crew/{name}>\n")
        for language in ("c", "c++"):
            run("cc", "-x", language, "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
                "-pedantic", *flags, str(source))


def test_man_pages(prefix):
    """Each function has a man page with the text of the header."""
    def man(name):
        return run("man", "-M", os.path.join(prefix, "share", "man"), "3", name,
                   environment={"MANWIDTH": "80", "LC_ALL": "C.UTF-8"})

    assert "Make a call and wait until it ends." in man("crew_client_call_wait")
    assert "fn will be called once" in " ".join(man("crew_client_call").split())
    functions = []
    for path in glob.glob(os.path.join(ROOT, "libcrew", "exports*.map")):
        with open(path, encoding="utf-8") as file:
            functions += re.findall(r"\b(crew_\w+);", file.read())
    pages = os.listdir(os.path.join(prefix, "share", "man", "man3"))
    assert functions and {f"{name}.3" for name in functions} <= set(pages)


@pytest.mark.parametrize("library", ["libcrew", "libcrew-test"])
def test_exports_public_functions_only(prefix, library):
    """The test client is in a library of its own."""
    [path] = [os.path.join(path, name) for path, _, files in os.walk(prefix)
              for name in files if re.fullmatch(library + r"\.so\.\d+\.\d+\.\d+", name)]
    names = [line.split()[-1] for line in run("nm", "-D", "--defined-only",
                                              path).splitlines()]
    assert names and all(name.startswith("crew_") for name in names), names
    assert all(name.startswith("crew_test_") == (library == "libcrew-test") for name in names)
