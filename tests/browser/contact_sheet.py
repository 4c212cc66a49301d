"""A page that shows the pictures of a folder, a row for each page or state, beside what it should look like.

    python -m tests.browser.contact_sheet looks [TARGETS]

Pictures are called NAME-WIDTH-SCHEME.png (tests/browser/shown.py). TARGETS is a folder of drawn pages, NAME.html, of
which pictures are taken as well.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from django.utils.html import format_html, format_html_join
from playwright.sync_api import sync_playwright

from tests.chromium import launch

SIZES = {1440: 900, 390: 844}
SCHEMES = ("light", "dark")
DRAWN = {"video": "recording"}
"""What a page is called among the targets, where that is another name."""
STYLE = """
body { margin: 24px; font: 14px/1.4 system-ui, sans-serif; background: #8b8b8b; }
h2 { margin: 32px 0 8px; } div { display: flex; gap: 12px; align-items: start; overflow-x: auto; }
figure { margin: 0; flex: none; }
img { display: block; height: 520px; width: auto; object-fit: cover; object-position: top; }
figcaption { padding: 2px 0; } .target { outline: 3px solid #0b6e5b; }
"""


def photograph(targets: Path, folder: Path) -> None:
    """Take pictures of all drawn pages, as target-NAME-WIDTH-SCHEME.png."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for width, height in SIZES.items():
            for scheme in SCHEMES:
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                for drawn in sorted(targets.glob("*.html")):
                    page.goto(drawn.as_uri())
                    page.screenshot(path=folder / f"target-{drawn.stem}-{width}-{scheme}.png", full_page=True)
                page.close()
        browser.close()


def names(folder: Path) -> list[str]:
    """Of the pages and states, in the order in which they were taken."""
    pictures = sorted(folder.glob("*.png"), key=lambda one: one.stat().st_mtime)
    found = dict.fromkeys(one.stem.rsplit("-", 2)[0] for one in pictures if not one.stem.startswith("target-"))
    return list(found)


def figures(folder: Path, name: str) -> Iterable[tuple[str, str, str, str]]:
    for width in SIZES:
        for scheme in SCHEMES:
            own, target = (f"{one}-{width}-{scheme}.png" for one in (name, f"target-{DRAWN.get(name, name)}"))
            for look, file, said in (("", own, "ours"), ("target", target, "target")):
                if (folder / file).exists():
                    yield file, look, file, f"{said}, {width} px, {scheme}"


def sheet(folder: Path) -> str:
    figure = (
        '<figure><a href="{}"><img class="{}" src="{}" loading="lazy" alt=""></a><figcaption>{}</figcaption></figure>'
    )
    rows = [(name, format_html_join("", figure, figures(folder, name))) for name in names(folder)]
    body = format_html_join("\n", "<h2>{}</h2><div>{}</div>", rows)
    head = '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Looks</title><style>{}</style>{}</html>'
    return format_html(head, STYLE, body)


if __name__ == "__main__":
    shots, *drawings = (Path(one).resolve() for one in sys.argv[1:])
    for one in drawings:
        photograph(one, shots)
    (shots / "index.html").write_text(sheet(shots))
    print(shots / "index.html")
