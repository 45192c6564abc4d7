"""The review page: what a run made, for a person to look through and judge.

::

    journal, or folders -> `items` -> `previews` (small pictures of each result, made once) -> `page` (one HTML file)

The page and its pictures are one folder that opens from disk, needs no server and can be sent to anyone. OUT is only
read.
"""
