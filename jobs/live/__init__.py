"""What pages show of jobs while they change: rows, their drawing, and how open pages are told."""
