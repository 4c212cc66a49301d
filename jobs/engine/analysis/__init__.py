"""What is heard and seen, as figures."""
