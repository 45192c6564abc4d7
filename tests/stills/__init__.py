"""Tests of `archivecolor.stills`."""
