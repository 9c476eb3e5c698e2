"""How a network learns: steps, losses, optimisers, checkpoints, and the processes that share the work."""
