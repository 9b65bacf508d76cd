"""The C programs of the benchmark, compiled into the build folder with crew's warnings."""
import os
import subprocess

from support.program import BUILD, ROOT

FLAGS = ["-std=gnu11", "-O2", "-g", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
         "-Wshadow", "-Wconversion", "-I", os.path.join(ROOT, "libcrew", "src")]
LIBCREW = ["-I", os.path.join(ROOT, "libcrew", "include"), "-L", os.path.join(BUILD, "lib"),
           "-lcrew", "-Wl,-rpath," + os.path.join(BUILD, "lib")]


def compile_program(name, sources, libraries):
    """Make program NAME of SOURCES, files of the bench; its path."""
    target = os.path.join(BUILD, "bench", name)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    subprocess.run(["cc", *FLAGS, "-o", target,
                    *[os.path.join(ROOT, "bench", source) for source in sources],
                    *libraries], check=True)
    return target
