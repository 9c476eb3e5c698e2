"""Readers and batches of training and evaluation samples."""
