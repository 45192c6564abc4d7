"""What this machine has: which engines work here, and how they compare."""
