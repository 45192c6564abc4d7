"""Tests of `archivecolor.cli`."""
