"""Recorded bags: which files are one, their messages in order of time, and images of them. Needs the extra `replay`."""
