"""Tests of `archivecolor.inference`."""
