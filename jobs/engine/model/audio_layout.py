"""How audio is worked on: the layouts of its channels, and from when on a gap in its time stamps is a hole."""

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
"""By the number of channels; others are mixed down to stereo."""
HOLE_SECONDS = 0.01
"""Time stamps jitter by a few milliseconds in many files; only more than this is a hole."""
