"""Whole runs without a terminal: plain functions over frozen settings that report to a `Listener`."""
