"""Many items, restartable, on one machine: finding, running, writing results safely. Knows nothing of pictures."""
