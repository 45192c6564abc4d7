"""The steps of ``archivecolor folder``: a session plans, runs and reports; image work is done elsewhere."""
