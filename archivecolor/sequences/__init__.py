"""Scanned frames in numbered files: films as film archives keep them."""
