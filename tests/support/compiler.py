"""Apps that are compiled by a test."""
import subprocess

from support.program import BUILD, ROOT


def compile_app(source, path, *flags):
    """The app in PATH, as cc writes it there; returns PATH."""
    done = subprocess.run(
        ["cc", "-shared", "-fPIC", "-x", "c", "-o", path, *flags,
         f"-I{ROOT}/libcrew/include", "-", f"-L{BUILD}/lib", "-lcrew",
         f"-Wl,-rpath,{BUILD}/lib"],
        input=source, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return path
