"""Reproduces the CMSA paper's tables, figures, compared systems and DenseCRF."""
