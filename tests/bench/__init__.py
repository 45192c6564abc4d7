"""Speed and memory, measured against a floor in the same run. Run by hand; never part of pass or fail."""
