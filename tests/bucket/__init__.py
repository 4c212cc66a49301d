"""Object storage for tests: a real server that checks signatures, and what can go wrong on the way to it."""
