"""Media work. Nothing here imports Django: every module is usable from a shell with two paths."""
