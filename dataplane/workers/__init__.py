"""Several processes of one gateway: a parent with the admin address and OPA, and workers that take calls.

Nouns in reading order: `Report` (what a worker says of itself, again and again, and how it reaches the
parent), `Worker` (one supervised process), `Workers` (all of them), `metrics` (one text out of all of
theirs).
"""
