"""Sources of training data: each gives the same batches, whatever it makes them from."""
