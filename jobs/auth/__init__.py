"""Who is asking, signing in and up, and what belongs to whom."""
