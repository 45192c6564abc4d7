"""The command line: options, messages and progress. No image work happens here."""
