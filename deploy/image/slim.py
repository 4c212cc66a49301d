"""Takes out of an environment what nothing reads at run time; a third of it: `python slim.py /venv`.

Tests of packages, sources of translations, what helps debuggers, the interfaces of all services of Amazon's
but those of S3, and the second copy of a library. That the rest works is tried by benchmarks/image.py.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

UNREAD = {".po", ".pxd", ".pyx", ".pyi", ".a"}
"""Not C: some packages read their own sources when they are imported."""
TESTS_CALLED_TEST = ("autobahn", "twisted")
"""Packages whose tests are in folders called `test`; elsewhere that is what others write tests with."""
UNUSED = (
    # What is used of it is in the module of Python beside it.
    *(
        "onnxruntime/capi/libonnxruntime.so.*",
        "onnxruntime/transformers",
        "onnxruntime/quantization",
        "onnxruntime/tools",
    ),
    # Fetches large files from one site in pieces; without it they come whole.
    *("hf_xet", "hf_xet-*.dist-info"),
    *("pip", "pip-*.dist-info", "setuptools", "setuptools-*.dist-info", "pkg_resources", "_distutils_hack"),
    "distutils-precedence.pth",
)
KEPT_SERVICES = {"s3", "sts", "sso", "sso-oidc", "signin"}
"""Of botocore's data: S3, and the ways to get keys for it."""


def unneeded(packages: Path) -> Iterator[Path]:
    """Folders and files, below site-packages."""
    for pattern in UNUSED:
        yield from packages.glob(pattern)
    yield from packages.rglob("tests")
    for name in TESTS_CALLED_TEST:
        yield from (packages / name).rglob("test")
    yield from (path for path in packages.rglob("*") if path.suffix in UNREAD and path.is_file())
    yield from (path for path in packages.glob("botocore/data/*") if path.is_dir() and path.name not in KEPT_SERVICES)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def strip(library: Path) -> None:
    """Leave out what is for debuggers. What was not linked with it stays as it is: rewriting it gains nothing."""
    sections = subprocess.run(["objdump", "-h", library], capture_output=True, text=True).stdout
    if " .debug_" in sections or " .zdebug_" in sections:
        subprocess.run(["strip", "--strip-debug", library], check=True)


def main(environment: Path) -> None:
    (packages,) = environment.glob("lib/python*/site-packages")
    for path in list(unneeded(packages)):
        remove(path)
    for library in packages.rglob("*.so*"):
        if library.is_file() and not library.is_symlink():
            strip(library)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
