"""A page as it is shown: its pictures, its colours, its width."""

import os
from pathlib import Path


def wanted(name):
    """Whether this page or state is looked at: all are, unless LOOKS says how the names of some begin."""
    return not (some := os.environ.get("LOOKS", "").split()) or name.startswith(tuple(some))


def keep(page, name):
    """A picture of the page, in the folder that SHOTS says."""
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def dressed(page, scheme):
    """The page as it is, in other colours. Loading it anew would take longer than all that is looked at."""
    page.emulate_media(color_scheme=scheme)
    # Scripts that hear of it change colours too, one frame later, and some of these take their time.
    page.evaluate("() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    changing = "document.getAnimations().filter(one => one instanceof CSSTransition)"
    page.evaluate(f"{changing}.forEach(one => one.finish())")


def assert_fits(page, name):
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width} px"


def lower_than(page, pixels, which):
    """Those that a person sees which are not as high to press as that, but for what rounding takes away.

    A link may spread over more than its words, as that of a row does over the row.
    """
    return page.locator(which).evaluate_all(
        """(all, pixels) => {
          const spread = (one) => {
            const { content, position, height } = getComputedStyle(one, "::after");
            return content !== "none" && position === "absolute" ? Number.parseFloat(height) : 0;
          };
          const pressed = (one) => Math.max(one.getBoundingClientRect().height, spread(one));
          return all.filter((one) => one.checkVisibility() && pressed(one) < pixels).map((one) => one.outerHTML);
        }""",
        pixels - 0.1,
    )
