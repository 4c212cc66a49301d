"""A timeline to a file."""
