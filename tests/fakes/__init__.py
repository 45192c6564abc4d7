"""Stand-ins for real components, each with one fault or none."""
