"""The server room: bytes of callers in, ASGI calls out, and nothing doubtful in between.

Nouns in reading order: `doubts` (what can be wrong with a request's framing, and the `Doubt` raised),
`fields` (rules for one head, shared by HTTP/1 and HTTP/2), `framing` (the sans-IO filter in front of h11),
`inbox` (what a caller sent and the application has not yet read), `exchange` (one request and its answer),
`stock` (the parts of Hypercorn underneath), `frame_lengths` and `http2` (Hypercorn's HTTP/2 with its
defects cured), `connection` (one socket), `tls_files` (certificates, authorities and lists, checked), `tls`
(contexts that are replaced when files change), `tls_metrics`, `listen` (addresses and limits), `serve` (one
application on its sockets, until told to stop).
"""
