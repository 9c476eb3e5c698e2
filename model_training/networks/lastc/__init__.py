"""LASTC: Hui et al., "Language-Aware Spatial-Temporal Collaboration for Referring Video Segmentation" (TPAMI 2023).

Only the abstract of the paper is public, and no code. What its predecessor's code has (CSTM, CVPR 2021) is marked
[code], what the abstract says [paper], and what had to be filled in [inferred]: CMAM+, LASP and LGFS are
reconstructions, not reproductions. In the order of the data: words, i3d beside layers.residual, cmam, words_update
(CMAM+), stream, lgfs, lasp, decoder, and system, which assembles them from one LastcConfig.
"""
