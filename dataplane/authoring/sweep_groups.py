"""A thousand changed combinations in a few lines: those of one kind together, their values joined."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from dataplane.authoring.sweep import Changed

PLAIN: Final = ""
"""Stands, among the values of an axis, for the plain call."""

_RANK: Final = {(False, True): 0, (True, False): 1, (True, True): 2, (False, False): 3}
"""What passes now comes before what is blocked now, then other demands, then other reasons to block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Combinations of one stage with the same two answers, as far as `keys` differ. `blocks` are products:
    by axis the values that all occur together. Between them they hold each of the `count` once, but for the
    `variants` whose call without its variation beside the product is there too."""

    stage: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None
    keys: tuple[str, ...]
    count: int
    variants: int
    blocks: tuple[Mapping[str, tuple[str, ...]], ...]


def groups(changed: Iterable[Changed], beside: Collection[str]) -> list[Group]:
    """The combinations in groups: newly passing first, newly blocked next. `beside` names the axes that are
    not in the product."""
    found: dict[bytes, list[Changed]] = {}
    for one in changed:
        keys = _telling(one)
        kind = [[_told(answer, keys) for answer in (one.old, one.new)], one.stage, keys]
        found.setdefault(orjson.dumps(kind, option=orjson.OPT_SORT_KEYS), []).append(one)
    made = []
    for some in found.values():
        calls = {frozenset(one.call.items()): one.call for one in some}
        told = [call for call in calls.values() if not _is_variant(call, calls, beside)]
        made.append(
            Group(
                stage=some[0].stage,
                old=some[0].old,
                new=some[0].new,
                keys=_telling(some[0]),
                count=len(some),
                variants=len(calls) - len(told),
                blocks=joined(told),
            )
        )
    return sorted(made, key=lambda group: (_RANK[_passes(group.old), _passes(group.new)], -group.count))


def joined(calls: Sequence[Mapping[str, str]]) -> tuple[Mapping[str, tuple[str, ...]], ...]:
    """The calls as few products of values: two that differ on one axis only become one, axis after axis."""
    axes = list(dict.fromkeys(axis for call in calls for axis in call))
    blocks: list[dict[str, tuple[str, ...]]] = [
        {axis: (call.get(axis, PLAIN),) for axis in axes} for call in calls
    ]
    for axis in reversed(axes):
        alike: dict[tuple[tuple[str, ...], ...], dict[str, tuple[str, ...]]] = {}
        for block in blocks:
            key = tuple(values for name, values in block.items() if name != axis)
            before = alike.get(key)
            together = (*before[axis], *block[axis]) if before else block[axis]
            alike[key] = {**block, axis: tuple(dict.fromkeys(together))}
        blocks = list(alike.values())
    return tuple(blocks)


def _is_variant(call: Mapping[str, str], calls: Collection[frozenset[Any]], beside: Collection[str]) -> bool:
    plain = frozenset(one for one in call.items() if one[0] not in beside)
    return len(plain) < len(call) and plain in calls


def _told(answer: Mapping[str, Any] | None, keys: Sequence[str]) -> Any:
    """What of an answer makes its group: verdict and reasons, and those demands that changed, without whose
    they are (limits are keyed by the client)."""
    if answer is None:
        return None
    limits = [
        {name: value for name, value in one.items() if name != "key"} for one in answer.get("limits", ())
    ]
    demands = {"constraints": answer.get("constraints"), "limits": limits}
    return [
        answer["decision"],
        answer["reasons"],
        *(demands[key] for key in ("constraints", "limits") if key in keys),
    ]


def _telling(one: Changed) -> tuple[str, ...]:
    """The keys that tell something: a call that is blocked on one side has no demands to compare."""
    both = _passes(one.old) and _passes(one.new)
    return one.keys if both else tuple(key for key in one.keys if key not in ("constraints", "limits"))


def _passes(answer: Mapping[str, Any] | None) -> bool:
    return answer is not None and answer["decision"] != "BLOCK"
