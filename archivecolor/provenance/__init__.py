"""What a result says about itself: in it (XMP), beside it (PREMIS), signed (C2PA)."""
