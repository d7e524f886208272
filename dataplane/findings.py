"""What inspection looks at and what it finds. A finding never holds the text that it is about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from dataplane.frozen import quick_init


class Origin(StrEnum):
    """Where a text of a call comes from."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL_RESULT = "tool_result"
    TOOL_DEFINITION = "tool_definition"
    TOOL_ARGUMENTS = "tool_arguments"
    SCHEMA = "schema"
    METADATA = "metadata"
    REASONING = "reasoning"
    REFUSAL = "refusal"
    OUTPUT = "output"
    OTHER = "other"


class Level(StrEnum):
    """How sure and how grave; a detection is `medium` or above."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


LEVEL_RANK: Final = {Level.LOW: 0, Level.MEDIUM: 1, Level.HIGH: 2}

Place = tuple[str | int, ...]
"""Where a text stands in a JSON document: keys and indices from its root."""


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One text of a document, as its reader understands it.

    `place` is where it stands, so that another can be written there; None where it cannot be (the name of a
    key, text that was decoded). `follows` says that it goes on where the text before it ended, as parts of
    one message do: a match may lie across both.
    """

    text: str
    origin: Origin
    place: Place | None = None
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one text: its index among the texts looked at, and a half-open range of code points."""

    text: int
    start: int
    end: int


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was recognised. `kind` is such as `injection`, `pii.email` or `secret.aws_access_key`.

    `score` is 0 to 100. `spans` are where it stands in the texts as they came, in order; more than one where
    it lies across texts. `digest` is of the matched text, keyed, so that equal texts can be told to be equal.
    """

    kind: str
    level: Level
    score: int
    origin: Origin
    spans: tuple[Span, ...]
    digest: bytes = b""


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What looking at the texts of one document gave.

    `risk` (0 to 100) combines the findings; `data_class` is what they make of the data, None where they say
    nothing; `unread_bytes` counts text that was not looked at, because it is beyond a limit or encrypted.
    `later` gives what is found while the call goes on, where anything is still asked; it does not raise.
    """

    findings: tuple[Finding, ...] = ()
    risk: int = 0
    data_class: str | None = None
    unread_bytes: int = 0
    later: asyncio.Future[tuple[Finding, ...]] | None = None


NOTHING_FOUND: Final = Inspection()

FAILED: Final = "inspection.failed"
"""The kind that says that a text was not looked at, or not judged by all who should; counts wherever anything
is inspected."""

SURE: Final = 100


def failure(origin: Origin, *spans: Span) -> Finding:
    """The finding that says so."""
    return Finding(kind=FAILED, level=Level.HIGH, score=SURE, origin=origin, spans=spans)


def failures(texts: Sequence[Text]) -> list[Finding]:
    """One for each origin of these texts, at the first text of it."""
    first = {text.origin: index for index, text in reversed(list(enumerate(texts)))}
    return [failure(origin, Span(index, 0, 0)) for origin, index in sorted(first.items())]


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedCall:
    """A call of a tool that a model proposes: of which of the answer's choices, and the how manieth there.

    `arguments` is the text of the arguments as the model wrote it, `valid` says that it is one JSON object.
    `facts` are those of each argument by name: its JSON `type`, its size in `bytes`, its `value` where that
    is a short scalar. `texts` are all texts in the arguments, the names of keys too; their places lead from
    the root of the arguments.
    """

    choice: int
    index: int
    id: str | None
    name: str
    arguments: str
    valid: bool = False
    facts: Mapping[str, Mapping[str, str | int | float | bool]] = field(default_factory=dict)
    texts: tuple[Text, ...] = ()


def restored(
    texts: Sequence[Text], instead: Mapping[int, str], restore: Callable[[str], str]
) -> dict[int, str]:
    """By index, what is to stand where `restore` changes a text, or what stands `instead` of it, if it has a
    place."""
    found = {}
    for index, text in enumerate(texts):
        now = instead.get(index, text.text)
        if text.place is not None and (then := restore(now)) != now:
            found[index] = then
    return found


def selects(patterns: Iterable[str], kind: str, origin: Origin) -> bool:
    """Whether one of a decision's patterns means findings of this kind at this origin.

    A pattern is a kind (`pii.email`), a family (`pii`, all kinds that begin with `pii.`), or the beginning of
    kinds and a `*`; behind it `@` and an origin where findings of other origins are not meant.
    """
    return any(_means(pattern, kind, origin) for pattern in patterns)


def _means(pattern: str, kind: str, origin: Origin) -> bool:
    wanted, at, where = pattern.partition("@")
    if at and where != origin:
        return False
    if wanted.endswith("*"):
        return kind.startswith(wanted[:-1])
    return kind == wanted or kind.startswith(f"{wanted}.")
