"""Images that people upload, such as logos: looked at in a bounded child process, and written anew.

What is kept is a PNG of our own making: upright, in sRGB, with alpha, without anything else that the file carried. So
whatever opens it later opens bytes that no stranger wrote.

`python -m jobs.engine.probe.image_sanitizer PATH OUT.png` prints one line of JSON: `{"width", "height", "sha256"}`, or
what went wrong (see `sandbox`).
"""

import argparse
import dataclasses
import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

from jobs.engine.runtime import sandbox, subprocess_runner
from jobs.errors import Crash, InputError, TooHeavy

FORMATS = ("PNG", "WEBP", "JPEG")
MAXIMUM_BYTES = 32 << 20
"""The largest file of an image."""
MAXIMUM_PIXELS = 50_000_000
MAXIMUM_SIDE = 12_000
KEPT_SIDE = 4096
"""Pixels of the longer side of what is kept; more than a 4K picture shows."""
LIMITS = subprocess_runner.Limits(
    seconds=60, wall_seconds=120, memory_bytes=2 << 30, file_bytes=8 * KEPT_SIDE * KEPT_SIDE, network=False
)


@dataclasses.dataclass(frozen=True)
class SanitizedImage:
    """What was written: pixels and hash of the PNG."""

    width: int
    height: int
    sha256: str


def clean(path: Path, out: Path, *, log: subprocess_runner.CommandLog | None = None) -> SanitizedImage:
    """Write the image at `path` as a PNG to `out`, in a bounded child process.

    Raises InputError with one of these codes: no_file, empty, too_large, not_image, image_too_large, animated, damaged;
    ResourceError when the disk is full or the machine too busy. When it raises there is nothing at `out`.
    """
    subprocess_runner.require_file(path)
    refuse_long(path.stat().st_size)
    argv = sandbox.command(__name__, "--", os.fspath(path.absolute()), os.fspath(out.absolute()))
    try:
        return SanitizedImage(**sandbox.ask(argv, LIMITS, log))
    except BaseException as error:
        out.unlink(missing_ok=True)
        if isinstance(error, (Crash, TooHeavy, TypeError)):
            raise damaged(getattr(error, "detail", "") or f"{path}: {error}") from error
        raise


def refuse_long(size: int) -> None:
    """Raise InputError for a file of more bytes than an image may have."""
    if size > MAXIMUM_BYTES:
        raise InputError(
            f"This image has {size / (1 << 20):.0f} MB; the limit is {MAXIMUM_BYTES >> 20} MB. Export it smaller.",
            code="too_large",
        )


def damaged(detail: str) -> InputError:
    return InputError("The image is damaged and cannot be read. Export it anew.", detail=detail, code="damaged")


# In the child --------------------------------------------------------------------------------------------------------


def rewrite(path: Path, out: Path) -> SanitizedImage:
    """Decode and write. Raises InputError as `clean` does."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            refuse(image, path)
            upright = ImageOps.exif_transpose(image)
            plain = in_srgb(upright)
            plain.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS)
            plain.save(out, format="PNG", compress_level=6)
    except Image.UnidentifiedImageError as error:
        raise InputError(
            "This is not an image that can be used. Choose a PNG, WebP or JPEG file.",
            detail=f"{path}: {error}",
            code="not_image",
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        # Pillow's ways of saying that the bytes make no sense. A full disk is not theirs.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise damaged(f"{path}: {error!r}") from error
    return SanitizedImage(plain.width, plain.height, hashlib.sha256(out.read_bytes()).hexdigest())


def refuse(image: Image.Image, path: Path) -> None:
    """Raise InputError for what is too large or moves. Nothing is decoded yet."""
    width, height = image.size
    if width * height > MAXIMUM_PIXELS or max(width, height) > MAXIMUM_SIDE:
        raise InputError(
            f"The image has {width} x {height} pixels; at most {MAXIMUM_SIDE} a side and "
            f"{MAXIMUM_PIXELS // 10**6} million in all can be used. Export it smaller.",
            detail=str(path),
            code="image_too_large",
        )
    if getattr(image, "is_animated", False):
        raise InputError(
            "This image moves. Export a still one, as PNG, WebP or JPEG.", detail=str(path), code="animated"
        )


def in_srgb(image: Image.Image) -> Image.Image:
    """RGBA in sRGB. A colour profile that makes no sense is passed over, as browsers do."""
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    colours = image if image.mode in ("RGB", "CMYK", "L") else image.convert("RGB")
    if profile := image.info.get("icc_profile"):
        try:
            source_profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                colours, source_profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            colours = converted or colours
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass
    made = Image.new("RGBA", image.size)
    made.paste(colours.convert("RGB"))
    made.putalpha(alpha if alpha is not None else 255)
    return made


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.engine.probe.image_sanitizer", description="Write an image as a plain PNG."
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("out", type=Path, metavar="OUT.png")
    options = parser.parse_args(argv)
    Image.MAX_IMAGE_PIXELS = None  # this process's alone, where `refuse` is stricter and has a sentence
    sandbox.answer(lambda: dataclasses.asdict(rewrite(options.path, options.out)))


if __name__ == "__main__":
    main()
