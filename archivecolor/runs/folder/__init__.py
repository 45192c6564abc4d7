"""A folder from tree to tree: planned whole, colored item by item, reported and counted."""
