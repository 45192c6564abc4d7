"""Whole runs without a terminal: plain functions over frozen settings that tell a `Listener` what happens."""
