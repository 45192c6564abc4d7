"""Tests of `archivecolor.jobs`."""
