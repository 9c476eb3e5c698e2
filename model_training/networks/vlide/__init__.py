"""VLIDE: Feng et al., "Deeply Interleaved Two-Stream Encoder for Referring Video Segmentation" (2022).

Only the abstract of the paper is public, and no code. What it says is marked [paper], what code of the same authors has
[code: EFN], [code: HDFNet] or of their journal paper [paper: BRINet-J], and what had to be filled in [inferred]: VLMG
and LMDF are reconstructions, no reproduction. One file a module, in the order of the data: bert and layers.residual,
pyramid, guidance, vlmg, filtering, lmdf, decoder or efn, and system, which assembles them from one VlideConfig.
"""
