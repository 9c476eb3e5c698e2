"""Tries everything that runs on a GPU in one command, or rehearses it without a GPU."""
