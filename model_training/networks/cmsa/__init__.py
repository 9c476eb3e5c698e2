"""The paper's own system: cross-modal self-attention, gated multi-level fusion and cross-frame self-attention."""
