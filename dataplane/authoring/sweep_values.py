"""The nouns of a sweep: a `Value` of an axis, a `Domain` of axes; and the axes that no table decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
    """Every hour of a working day and of a Saturday, UTC; nine on the working day first."""
    days = (("Wed", 1_790_121_600), ("Sat", 1_790_380_800))
    hours = [
        ("Wed", 9),
        *((day, hour) for day, _ in days for hour in range(0, 24, 1) if (day, hour) != ("Wed", 9)),
    ]
    midnight = dict(days)
    return tuple(
        Value(
            name=f"{day} {hour}h",
            over={"time": {"unix": midnight[day] + 3600 * hour, "weekday": day, "hour": hour}},
        )
        for day, hour in hours
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
