"""Files put into one zip file as they are, block by block: media is compressed already."""

import zipfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

BLOCK_BYTES = 1 << 20


def stored(files: Sequence[tuple[str, Path]], output: Path) -> Iterator[Fraction]:
    """Write files under their names into a zip file, without deflating them, and remove each once it is in there.

    Yields the share of bytes that is done, so that at most one file is there twice.
    """
    total, done = max(1, sum(path.stat().st_size for _, path in files)), 0
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files:
            with path.open("rb") as file, archive.open(zipfile.ZipInfo.from_file(path, name), "w") as entry:
                while block := file.read(BLOCK_BYTES):
                    entry.write(block)
                    done += len(block)
                    yield Fraction(done, total)
            path.unlink()
