"""What a person can ask the client to do, a module for each noun."""
