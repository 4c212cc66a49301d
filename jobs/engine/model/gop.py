"""How often encoded video can be entered."""

KEYFRAME_SECONDS = 4
"""From one keyframe to the next at most, so that a player can jump and the next cut can copy."""
