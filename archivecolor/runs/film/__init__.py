"""A film from file to file: its plan, its segments made one by one and joined."""
