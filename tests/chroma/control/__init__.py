"""Tests of what users have to say about color."""
