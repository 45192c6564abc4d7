"""Coloring a folder with workers on many machines, as actors of a Ray cluster."""
