"""Sources of training data: each gives batches of the same form, whatever it makes them from."""
