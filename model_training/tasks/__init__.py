"""What is learned from: a task for each source of data, and the network with its losses that learns from it."""
