"""VLIDE: Feng et al., "Deeply Interleaved Two-Stream Encoder for Referring Video Segmentation" (2022).

Only the abstract of the paper is public, and no code. [paper] marks what the abstract says; [code: EFN], [code: HDFNet]
and [paper: BRINet-J] mark what other work of the same authors has; [inferred] marks what had to be filled in. VLMG and
LMDF are reconstructions, not reproductions. In the order of the data: bert and layers.residual, pyramid, guidance,
vlmg, filtering, lmdf, decoder or efn, and system, which assembles them from one VlideConfig.
"""
