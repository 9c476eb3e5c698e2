"""Layers that more than one system is built of."""
