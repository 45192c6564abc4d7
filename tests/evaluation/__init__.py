"""Tests of `archivecolor.evaluation`."""
