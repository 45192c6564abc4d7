"""The test suite. It mirrors the package; what stands in for real components lies in ``fakes``."""
