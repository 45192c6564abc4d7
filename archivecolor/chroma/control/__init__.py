"""What users have to say about color: a reference, painted hints, and grading. Each is a function of chroma."""
