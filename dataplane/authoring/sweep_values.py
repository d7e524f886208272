"""The nouns of a sweep: a `Value` of an axis, a `Domain` of axes; and the axes that no table decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MONDAY: Final = 1_789_948_800
"""2026-09-21 00:00 UTC."""

Over = Mapping[str, Any]
"""What is laid over a plain call's input (`question.laid_over`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of an axis: how it is told, what it changes in the input, how many names it stands for and
    the first of the others.

    `weight` sorts the values that a change of tables touches to the front (0), so that a budget that ends
    the sweep ends it among the others (1).
    """

    name: str
    over: Over
    alike: int = 1
    others: tuple[str, ...] = ()
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """The axes, by name: `product` are swept in all combinations, `single` one value at a time."""

    product: Mapping[str, tuple[Value, ...]]
    single: Mapping[str, tuple[Value, ...]]
    names: Mapping[str, int] = field(default_factory=dict)


def times() -> tuple[Value, ...]:
    """Every hour of a Wednesday and a Saturday, and three of each other day, UTC; Wednesday at nine first."""
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    hours = [(day, hour) for day in days for hour in (range(24) if day in ("Wed", "Sat") else (0, 9, 21))]
    return tuple(
        Value(
            name=f"{day} {hour}h",
            over={
                "time": {
                    "unix": MONDAY + 86400 * days.index(day) + 3600 * hour,
                    "weekday": day,
                    "hour": hour,
                }
            },
        )
        for day, hour in sorted(hours, key=lambda one: one != ("Wed", 9))
    )


def modalities() -> tuple[Value, ...]:
    """Text, each other kind of content, content that nothing looked into, and a stream."""
    return (
        Value(name="text", over={}),
        *(
            Value(
                name=f"with {one}", over={"request": {"modalities": [one, "text"], "uninspected_bytes": 4096}}
            )
            for one in ("image", "audio", "file")
        ),
        Value(name="with uninspected bytes", over={"request": {"uninspected_bytes": 4096}}),
        Value(name="streamed", over={"request": {"stream": True}}),
    )
