"""The network of Ye et al., "Referring Segmentation in Images and Videos with Cross-Modal Self-Attention Network".

One file a part, in the order of the data: backbone, coordinates, language, cfsa (Sec. 3.4), cmsa (Sec. 3.2), gmlf
(Sec. 3.3), and refseg, which assembles them from one NetworkConfig.
"""
