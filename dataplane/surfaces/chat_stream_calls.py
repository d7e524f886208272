"""Calls of tools, put together from the deltas of one choice.

Nothing of a call goes on before all of it is here and was decided. What goes on then is one delta a call, in
the order of their indices, whatever the provider cut it into.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jiter

from dataplane.errors import Refused
from dataplane.findings import Origin, ProposedCall, Text
from dataplane.ports import UpstreamFailed
from dataplane.surfaces.answer_json import dump_answer
from dataplane.surfaces.json_texts import add_texts
from dataplane.surfaces.proposed_call import of_input, propose, rewritten

MAX_CALLS: Final = 128
"""Calls of one choice; the API takes as many tools."""

MAX_CALL_BYTES: Final = 1_048_576
"""Characters of all calls of one choice, as much as an event may be."""

LEGACY: Final = -1
"""The index that stands for `function_call`, which has none: there is one, and it comes first."""

_BODIES: Final = {"function": "arguments", "custom": "input"}
_KNOWN: Final = ("index", "id", "type", *_BODIES)


class PartialCall:
    """One call as far as it has come. `head` is everything but what it is called with."""

    __slots__ = ("arguments", "body", "head", "id", "name")

    def __init__(self) -> None:
        self.id: str | None = None
        self.body = "function"
        self.name = ""
        self.arguments = ""
        self.head: dict[str, Any] = {}

    def add(self, delta: dict[str, Any]) -> int:
        """Add a delta; its size in characters. Raises `UpstreamFailed` for one of another kind of call."""
        before = len(self.name) + len(self.arguments)
        for body, called_with in _BODIES.items():
            part = delta.get(body)
            if type(part) is dict:
                if body != self.body and (self.name or self.arguments):
                    raise _invalid("The provider proposed a call of a tool that is of two kinds.")
                self.body = body
                name = _text(part.get("name"))
                # Some providers say id and name again with each delta, others send a name in pieces.
                if not (name == self.name and self.id and self.id == delta.get("id")):
                    self.name += name
                self.arguments += _text(part.get(called_with))
        self.id = self.id or (_text(delta.get("id")) or None)
        extra = 0
        for key, value in delta.items():
            if key not in _KNOWN and value is not None:
                self.head[key] = value
                extra += len(dump_answer({key: value}))
        return len(self.name) + len(self.arguments) - before + extra

    def texts(self) -> list[Text]:
        """Every text of it but what it is called with; the name's first."""
        texts = [Text(text=self.name, origin=Origin.TOOL_ARGUMENTS)] if self.name else []
        if self.id:
            texts.append(Text(text=self.id, origin=Origin.TOOL_ARGUMENTS))
        add_texts(self.head, Origin.TOOL_ARGUMENTS, (), texts)
        return texts

    def proposed(self, choice: int, index: int) -> ProposedCall:
        """As policy is asked about it."""
        arguments = of_input(self.arguments) if self.body == "custom" else self.arguments
        return propose(choice, index, self.id, self.name, arguments)

    def rewrite(self, call: ProposedCall, instead: Mapping[int, str]) -> None:
        """Put other texts in the places of those with these indices in `call.texts`. The arguments stay
        valid JSON if they were. Raises `Refused` where a text has no place of its own."""
        if not instead:
            return
        written = rewritten(call, instead)
        if self.body == "custom":
            written = str(jiter.from_json(written.encode())["input"])
        self.arguments = written

    def delta(self, index: int) -> dict[str, Any]:
        """All of it as the delta of a choice."""
        body = {"name": self.name, _BODIES[self.body]: self.arguments}
        if index == LEGACY:
            return {"function_call": body}
        named = {} if self.id is None else {"id": self.id}
        call = {"index": index, **named, "type": self.body, **self.head, self.body: body}
        return {"tool_calls": [call]}


class PartialCalls:
    """The calls of one choice."""

    __slots__ = ("_calls", "_size")

    def __init__(self) -> None:
        self._calls: dict[int, PartialCall] = {}
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, deltas: Any) -> None:
        """Add the `tool_calls` of a delta. Raises `UpstreamFailed` for what is none, or too much."""
        if type(deltas) is not list:
            raise _invalid("The provider proposed calls of tools that cannot be read.")
        for place, delta in enumerate(deltas):
            if type(delta) is not dict:
                raise _invalid("The provider proposed a call of a tool that cannot be read.")
            self._add(self._index(delta, place), delta)

    def add_legacy(self, delta: Any) -> None:
        """Add the `function_call` of a delta; raises like `add`."""
        if type(delta) is not dict:
            raise _invalid("The provider proposed a call of a function that cannot be read.")
        self._add(LEGACY, {"function": delta})

    def take(self) -> list[tuple[int, PartialCall]]:
        """All calls with their indices, in order; none is left."""
        calls = sorted(self._calls.items())
        self._calls, self._size = {}, 0
        return calls

    def _add(self, index: int, delta: dict[str, Any]) -> None:
        call = self._calls.get(index)
        if call is None:
            if len(self._calls) == MAX_CALLS:
                raise _invalid("The provider proposed too many calls of tools.")
            call = self._calls[index] = PartialCall()
        self._size += call.add(delta)
        if self._size > MAX_CALL_BYTES:
            raise _invalid("The provider proposed calls of tools that are too large.")

    def _index(self, delta: dict[str, Any], place: int) -> int:
        """The call that a delta belongs to. Where providers give whole calls one index, or none, the id
        tells them apart."""
        index = delta.get("index")
        if type(index) is not int or index < 0:
            index = place
        known = self._calls.get(index)
        given = _text(delta.get("id"))
        if known is None or not given or known.id in (None, given):
            return index
        same = [at for at, call in self._calls.items() if call.id == given]
        return same[0] if same else max(self._calls) + 1


def _text(value: Any) -> str:
    return value if type(value) is str else ""


def _invalid(message: str) -> UpstreamFailed:
    return UpstreamFailed(Refused("gateway.upstream_invalid", message))
