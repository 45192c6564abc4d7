"""A folder from tree to tree: planned whole, colored item by item, told and counted."""
