"""What a caller is told of its limits, in the words of OpenAI's API.

`x-ratelimit-limit-*`, `-remaining-*` and `-reset-*` for requests and tokens (OpenAI, "Rate limits in
headers"); where several limits count the same, the one with the least left of its amount is told.
`x-should-retry: false` keeps the official SDKs from trying again what no waiting helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dataplane.limits.plan import TOKEN_UNITS
from dataplane.quantities import Limit

Headers = tuple[tuple[bytes, bytes], ...]

NO_RETRY: Final = (b"x-should-retry", b"false")
_NAMES: Final = {"requests": b"requests"} | dict.fromkeys(TOKEN_UNITS, b"tokens")


def limit_headers(limits: Sequence[Limit], remaining: Sequence[int], reset_us: Sequence[int]) -> Headers:
    """The pairs for the limits of a decision; parallel sequences."""
    tightest: dict[bytes, int] = {}
    for index, limit in enumerate(limits):
        name = _NAMES.get(limit.unit)
        if name is None:
            continue
        other = tightest.get(name)
        # left / amount < other's left / other's amount, in integers
        if other is None or remaining[index] * limits[other].amount < remaining[other] * limit.amount:
            tightest[name] = index
    pairs: list[tuple[bytes, bytes]] = []
    for name, index in tightest.items():
        pairs += (
            (b"x-ratelimit-limit-" + name, b"%d" % limits[index].amount),
            (b"x-ratelimit-remaining-" + name, b"%d" % remaining[index]),
            (b"x-ratelimit-reset-" + name, duration(reset_us[index])),
        )
    return tuple(pairs)


def duration(us: int) -> bytes:
    """Microseconds as OpenAI writes durations: `0s`, `120ms`, `8.64s`, `6m0s`, `23h59m56s`; rounded up."""
    ms = -(-us // 1000)
    if ms < 1000:
        return b"%dms" % ms if ms else b"0s"
    if ms < 60_000:
        return (f"{ms / 1000:.3f}".rstrip("0").rstrip(".") + "s").encode()
    seconds = -(-ms // 1000)
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return (b"%dh" % hours if hours else b"") + b"%dm%ds" % (minutes, seconds)
