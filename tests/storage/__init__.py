"""Where bytes lie: one interface, a folder or a bucket behind it."""
