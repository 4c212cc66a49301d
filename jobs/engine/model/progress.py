"""How far work tells that it is. What it calls may raise, which ends the work."""

from collections.abc import Callable

Advance = Callable[[float], None]
"""Gets the fraction that is done, 0 to 1."""
Progress = Callable[[float, str], None]
"""Gets the fraction that is done, 0 to 1, and the stage in plain words."""
