"""A simulated tabletop with exact ground truth, drawn from a seed (MuJoCo)."""
