"""Tests of what users have to say about colour."""
