"""The parts of the node `segment`, one concept each."""
