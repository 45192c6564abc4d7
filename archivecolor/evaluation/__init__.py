"""Measuring a colorizer where the truth is known: on photographs (`stills`) and on film (`clips`)."""
