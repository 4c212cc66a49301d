"""From what is heard to what is kept, and to other programs."""
