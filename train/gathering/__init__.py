"""Photographs gathered from public repositories and packages, by a list that says where each comes from."""
