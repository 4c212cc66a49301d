"""Pages as they come from templates."""

import re


def squeezed(markup: str) -> str:
    """Without the white space that only keeps templates readable."""
    return re.sub(r"\s*(?=>)|(?<=>)\s+(?=<)", "", re.sub(r"\s+", " ", markup))
