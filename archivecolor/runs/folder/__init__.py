"""A folder from tree to tree: planned whole, coloured item by item, told and counted."""
