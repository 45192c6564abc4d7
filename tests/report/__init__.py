"""The review page: what it shows, how it is made, and how it behaves in a real browser."""
