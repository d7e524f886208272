"""How much is usual for a client, and how much was used. In reading order:

`baseline` (what is usual, from hours that are over: the arithmetic) and `recent` (the last sixty minutes,
from two counters); `clients` (both, for the clients that call now: the facts policy gets); `models` (tables),
`tally` (records added up by hour, each once) and `history` (hours read back); `keeper` (all of it kept
current beside the calls), `alert` (who is told when a rule about use applies) and `meter` (the port).

For people: `calls` (records read as calls, each told once) and `showback` (their sums).
"""
