"""What the package costs, each line a ratio of two things run in turn on this machine: `make bench`."""
