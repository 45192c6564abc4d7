"""What computes chroma from luma: the `Engine` contract, the catalog of trained generators, one module a runtime."""
