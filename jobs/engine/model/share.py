"""Parts of a whole in per cent, as every page and every sentence tells them."""


def whole_percent(share: float) -> int:
    """0.906 → 91: the nearest one, but 100 for all of it alone."""
    return 100 if share >= 1 else min(99, round(100 * share))


def percent(share: float) -> str:
    """0.906 → “91 %”."""
    return f"{whole_percent(share)} %"
