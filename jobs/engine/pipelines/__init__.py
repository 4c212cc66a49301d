"""One for each piece of work that an operation calls."""
