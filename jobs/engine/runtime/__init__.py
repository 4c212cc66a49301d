"""Programs, threads and files: nothing about media."""
