"""Metrics, and scores of a model bundle on benchmarks and simulated scenes."""
