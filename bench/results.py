"""Numbers of a bench: from samples to rows, a table and JSON. Pure.

Throughput is the median over rounds, and so are added latencies and ratios, each of them taken within
one round against the other target of that round: what the machine did besides hits both alike.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from statistics import median
from typing import Any, Final

from bench.plan import BARE, DIRECT, GATEWAY, INSPECTED, LIMITED, TARGETS, Run

MIN_RATIO: Final = 0.5
MIN_REQUESTS_PER_S: Final = 1200.0
MAX_ADDED_P50_MS: Final = 2.0
MIN_RATIO_LIMITED: Final = 0.8
MIN_RATIO_INSPECTED: Final = 0.75
AT_CONNECTIONS: Final = 64
"""What is aimed at on two cores shared with load generator, mock and OPA: at `AT_CONNECTIONS` the ratio
to the bare pass-through and the throughput, and of the gateway with a JWT, three limits and Redis, and with
inspection, to the one with an API key and neither; at one connection the added median latency."""

_BESIDE_GATEWAY: Final = {
    LIMITED: ("JWT and limits", MIN_RATIO_LIMITED),
    INSPECTED: ("inspection", MIN_RATIO_INSPECTED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one run gave. `requests` were answered inside the window of `seconds`, with `latencies_us` (how
    often each was seen); `total` also in its warm-up and drain, which the CPU seconds are for. `refused` were
    not 200, `lost` had no answer."""

    run: Run
    requests: int
    total: int
    refused: int
    lost: int
    seconds: float
    latencies_us: Counter[int] = field(repr=False)
    cpu_s: float | None
    opa_cpu_s: float | None

    @property
    def requests_per_s(self) -> float:
        """Throughput of the window."""
        return self.requests / self.seconds

    def percentile_ms(self, fraction: float) -> float:
        """The smallest latency that at least `fraction` of the calls stayed within; NaN without calls."""
        if not self.latencies_us:
            return math.nan
        ordered = sorted(self.latencies_us)
        within = list(accumulate(self.latencies_us[latency] for latency in ordered))
        return ordered[bisect_left(within, max(1, math.ceil(fraction * within[-1])))] / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One target at one number of connections. CPU is milliseconds of user and system time per 1,000
    requests: of the server (with what inserts its records), and of OPA (and Redis) beside it. The ratios are
    of throughput, to the bare pass-through and to the gateway without limits and inspection."""

    connections: int
    target: str
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    added_p50_ms: float
    added_p99_ms: float
    cpu_ms_per_1000: float | None
    opa_cpu_ms_per_1000: float | None
    ratio_to_bare: float
    ratio_to_gateway: float
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One thing aimed at, and whether it was reached."""

    what: str
    measured: float
    reached: bool


def rows(samples: Sequence[Sample]) -> list[Row]:
    """One row for each number of connections and target, in the order of the plan."""
    numbers = list(dict.fromkeys(sample.run.connections for sample in samples))
    return [_row(samples, number, target) for number in numbers for target in TARGETS]


def _row(samples: Sequence[Sample], connections: int, target: str) -> Row:
    of = {
        name: {one.run.round: one for one in samples if one.run == Run(**_key(one, connections, name))}
        for name in TARGETS
    }
    own = of[target]

    def middle(value: Callable[[Sample], float]) -> float:
        return median(value(one) for one in own.values())

    def beyond_direct(fraction: float) -> float:
        return median(
            one.percentile_ms(fraction) - of[DIRECT][turn].percentile_ms(fraction)
            for turn, one in own.items()
        )

    def beside(other: str) -> float:
        return median(one.requests_per_s / of[other][turn].requests_per_s for turn, one in own.items())

    total = sum(one.total for one in own.values())
    return Row(
        connections=connections,
        target=target,
        requests_per_s=middle(lambda one: one.requests_per_s),
        p50_ms=middle(lambda one: one.percentile_ms(0.5)),
        p99_ms=middle(lambda one: one.percentile_ms(0.99)),
        added_p50_ms=beyond_direct(0.5),
        added_p99_ms=beyond_direct(0.99),
        cpu_ms_per_1000=_per_1000([one.cpu_s for one in own.values()], total),
        opa_cpu_ms_per_1000=_per_1000([one.opa_cpu_s for one in own.values()], total),
        ratio_to_bare=beside(BARE),
        ratio_to_gateway=beside(GATEWAY),
        errors=sum(one.refused + one.lost for one in own.values()),
    )


def _key(sample: Sample, connections: int, target: str) -> dict[str, Any]:
    return {"target": target, "connections": connections, "round": sample.run.round}


def _per_1000(seconds: Sequence[float | None], requests: int) -> float | None:
    known = [one for one in seconds if one is not None]
    return 1_000_000 * sum(known) / requests if len(known) == len(seconds) and requests else None


def aims(measured: Sequence[Row]) -> list[Aim]:
    """The aims that the rows can speak to."""
    found = []
    for row in measured:
        if row.target in _BESIDE_GATEWAY and row.connections == AT_CONNECTIONS:
            (name, least), ratio = _BESIDE_GATEWAY[row.target], row.ratio_to_gateway
            what = f"{AT_CONNECTIONS} connections: {name} at least {least:g} of without"
            found.append(Aim(what=what, measured=ratio, reached=ratio >= least))
        if row.target != GATEWAY:
            continue
        if row.connections == AT_CONNECTIONS:
            ratio, speed = row.ratio_to_bare, row.requests_per_s
            what = f"{AT_CONNECTIONS} connections: at least {MIN_RATIO:g} of the bare pass-through"
            found.append(Aim(what=what, measured=ratio, reached=ratio >= MIN_RATIO))
            what = f"{AT_CONNECTIONS} connections: at least {MIN_REQUESTS_PER_S:g} requests/s"
            found.append(Aim(what=what, measured=speed, reached=speed >= MIN_REQUESTS_PER_S))
        elif row.connections == 1:
            added = row.added_p50_ms
            what = f"1 connection: under {MAX_ADDED_P50_MS:g} ms added p50"
            found.append(Aim(what=what, measured=added, reached=added < MAX_ADDED_P50_MS))
    return found


_HEADINGS: Final = (
    *("connections", "target", "req/s", "p50 ms", "p99 ms", "added p50", "added p99"),
    *("of bare", "CPU ms/1000", "OPA ms/1000", "errors"),
)


def table(measured: Sequence[Row]) -> str:
    """The rows for a person."""
    lines = [_HEADINGS]
    for row in measured:
        direct = row.target == DIRECT
        lines.append(
            (
                str(row.connections),
                row.target,
                f"{row.requests_per_s:,.0f}",
                f"{row.p50_ms:.2f}",
                f"{row.p99_ms:.2f}",
                "" if direct else f"{row.added_p50_ms:.2f}",
                "" if direct else f"{row.added_p99_ms:.2f}",
                f"{row.ratio_to_bare:.2f}" if row.target not in (DIRECT, BARE) else "",
                _number(row.cpu_ms_per_1000),
                _number(row.opa_cpu_ms_per_1000),
                str(row.errors),
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def document(samples: Sequence[Sample], about: dict[str, Any], unrecorded: int) -> dict[str, Any]:
    """Everything for a machine: rows, aims, and the rounds behind them."""
    measured = rows(samples)
    return {
        "about": about,
        "rows": [asdict(row) for row in measured],
        "aims": [asdict(aim) for aim in aims(measured)],
        "answered_without_record": unrecorded,
        "rounds": [
            {
                **asdict(one.run),
                "requests_per_s": round(one.requests_per_s, 1),
                "p50_ms": one.percentile_ms(0.5),
                "p99_ms": one.percentile_ms(0.99),
                "requests": one.requests,
                "errors": one.refused + one.lost,
                "cpu_s": one.cpu_s,
                "opa_cpu_s": one.opa_cpu_s,
            }
            for one in samples
        ],
    }
