"""What users have to say about colour: a reference, painted hints, and grading. Each is a function of chroma."""
