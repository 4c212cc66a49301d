"""What every room speaks of: what a recording is, a segment of it, what a check has found."""
