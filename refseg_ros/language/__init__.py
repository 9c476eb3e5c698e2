"""What the characters and the words of an expression are, and the noun that it is about. Without NumPy."""
