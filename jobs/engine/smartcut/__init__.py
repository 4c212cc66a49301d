"""Copying and patching coded video."""
