"""Film files: what they hold, their luma planes, their timestamps, and new files in which only the color is new."""
