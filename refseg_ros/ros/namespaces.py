"""Namespaces as people write them."""

from __future__ import annotations


def bare(namespace: str) -> str:
    """A namespace without blanks and slashes around it; empty for none."""
    return namespace.strip().strip("/")
