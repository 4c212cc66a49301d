"""Words and cues."""
