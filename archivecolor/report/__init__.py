"""The review page: what a run made, for a person to look through and judge.

::

    journal, or folders -> `items` -> `previews` (small pictures of each result, made once) -> `page` (one HTML file)

`coding` makes the pictures of one result, `tiles` those of its full size, `proxies` copies of films for browsers;
`past` says of which run the page is. All of it is one folder that opens from disk, needs no server and can be sent to
anyone. OUT is only read.
"""
