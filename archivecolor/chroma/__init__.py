"""Chroma for luma: of a still, of a film's frames over time, and what users say about it."""
