"""The review page from a local server, so that what a reviewer does on it acts at once.

::

    cli -> `server` (127.0.0.1, a port and a token of its own) -> `guard` (refuses whoever is not the page)
        -> `app` (what the page asks) -> `desk` (items, marks, strokes, layers) and `queue` (what is made again)
        -> `runs.folder.again`, and `events` back to the page

Everything that a reviewer does is in OUT before the page is told so: marks in its book, layers in its folder of hints,
strokes and the queue beside them. So closing the page, or killing the server, loses nothing.
"""
