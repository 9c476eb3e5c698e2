"""The systems that can be trained: CMSA (Ye et al., "Referring Segmentation in Images and Videos with Cross-Modal
Self-Attention Network"), LASTC and VLIDE.

    base        what every system is to training and export
    kinds       the systems by name, and the system of a configuration
    config      what a network of CMSA is made of
    refseg      CMSA whole: its encoder and its fusion, of the parts that the configuration names
    auxiliary   heads that exist beside it only while training
    layers/     what any system can share: backbone, colour, coordinates, language, cosine
    cmsa/       the paper's own system, in the order of the data: encoder; cfsa (Sec. 3.4, Eq. 9-11); level (Eq. 1);
                attention (Sec. 3.2, Eq. 2-3, and Eq. 5 with it: `pool`, `pooled_attention`); multimodal (Eq. 4:
                `received_weights`); gmlf (Sec. 3.3, Eq. 6); fusion (Eq. 7). Eq. 8 is in
                model_training/learning/losses.py; docs/architecture.md has a table of all equations
    ablations/  what the paper compares itself with, and the form of its authors' CVPR code; docs/ablations.md
    lastc/      LASTC; docs/systems.md
    vlide/      VLIDE; docs/systems.md

Imports go one way: layers <- cmsa <- ablations <- refseg <- kinds. What is outside goes by `base` and `kinds` alone;
what belongs to the paper of CMSA, as `paper/` and `ablate` do, also knows `NetworkConfig`.
"""
