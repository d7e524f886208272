"""What the demo model says: a friendly line about the request's measures, JSON, or a tool call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from dataplane.demo.ask import Ask
from dataplane.demo.schema_values import placeholder


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, in pieces as a stream sends them.

    A text's pieces are its tokens (a word with the space before it); a tool call's are parts of its
    arguments. `tokens` is what one choice counts in `completion_tokens`.
    """

    pieces: tuple[str, ...]
    tool: str | None
    finish: Literal["stop", "length", "tool_calls"]
    tokens: int

    @property
    def text(self) -> str:
        """The pieces together."""
        return "".join(self.pieces)


_ARGUMENT_PIECE: Final = 8
_MAX_ARGUMENT_PIECES: Final = 16
"""Characters of arguments in one streamed delta: few, so that a short call comes in several."""

_MAX_JSON: Final = 4096
"""Characters; a schema's defaults may be as large as a request, the demo's answers are not."""


def answer(ask: Ask) -> Answer:
    """The same answer for the same measures; cut at `max_tokens` words with finish reason `length`."""
    if ask.tool is not None:
        fitting = placeholder(ask.tool.parameters)
        arguments = _dumps(fitting if isinstance(fitting, dict) else {})
        size = max(_ARGUMENT_PIECE, -(-len(arguments) // _MAX_ARGUMENT_PIECES))
        starts = range(0, len(arguments), size)
        pieces = tuple(arguments[start : start + size] for start in starts)
        return Answer(pieces=pieces, tool=ask.tool.name, finish="tool_calls", tokens=len(pieces) + 1)
    pieces = _words(_json(ask) if ask.json else _line(ask))
    if ask.max_tokens is not None and len(pieces) > ask.max_tokens:
        return Answer(pieces=pieces[: ask.max_tokens], tool=None, finish="length", tokens=ask.max_tokens)
    return Answer(pieces=pieces, tool=None, finish="stop", tokens=len(pieces))


def _line(ask: Ask) -> str:
    return (
        f"Hello from RegoGate's demo model. You sent {_count(ask.messages, 'message')}; "
        f"the last one has {_count(ask.last_words, 'word')}."
    )


def _json(ask: Ask) -> str:
    return _dumps({"message": _line(ask)} if ask.schema is None else placeholder(ask.schema))


def _dumps(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _MAX_JSON else "{}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _words(text: str) -> tuple[str, ...]:
    first, *rest = text.split(" ")
    return (first, *(f" {word}" for word in rest))
