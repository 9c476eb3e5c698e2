"""Model bundles, and the inference runtimes that run what is in them."""
