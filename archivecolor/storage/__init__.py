"""Object stores as places for sources and results, through fsspec."""
