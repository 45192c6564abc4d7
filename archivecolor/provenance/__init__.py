"""What a result says of itself: in it (XMP), beside it (PREMIS), signed (C2PA)."""
