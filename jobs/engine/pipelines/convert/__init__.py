"""A recording in another format, size or shape, or as a stream of several."""
