"""What computes chroma from luma: the `Engine` contract, the catalogue of trained generators, one module a runtime."""
