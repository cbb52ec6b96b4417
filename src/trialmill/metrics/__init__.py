"""Collectors turn bytes into metric points; `observe` sums points up into observations. May import `api` only.

Bytes of a log or a file, in chunks of any size, go through `lines` (whole lines, bounded), then `text` or `json_lines`
(points), and `numbering` gives each point its step and its place in the source. `collector.make_collector` puts the
three together for one source of one attempt.
"""
