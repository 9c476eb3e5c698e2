"""Images: what the pixels of an encoding mean, compressed data, and messages of both, checked field by field."""
