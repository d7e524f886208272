"""A whole chat answer under inspection: its texts, the calls it proposes, and the answer with other texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dataplane.errors import Refused
from dataplane.findings import ProposedCall, Text
from dataplane.ports import UpstreamFailed
from dataplane.surfaces.answer_json import dump_answer, tidy, told_finish
from dataplane.surfaces.chat_answer_texts import answer_texts
from dataplane.surfaces.encoded_text import put_encoded
from dataplane.surfaces.proposed_call import of_input, propose


class ChatAnswer:
    """One answer, as the provider sent it (`body`) and as it was read (`answer`).

    An answer that a second reader could read otherwise (a key twice, half a surrogate pair) is one that was
    changed: what is looked at is what the caller gets.
    """

    __slots__ = ("_answer", "_body", "_strict", "_texts", "_unread")

    def __init__(self, body: bytes, answer: dict[str, Any], *, strict: bool) -> None:
        """`strict`: every reader reads `body` as `answer`. Raises `UpstreamFailed`
        (`gateway.upstream_invalid`) where it is nested too deeply to be read."""
        self._body = body
        self._texts: list[Text] = []
        try:
            self._strict = strict
            self._answer = answer if strict else tidy(answer)
            self._unread = answer_texts(self._answer, self._texts)
        except RecursionError:
            raise _too_deep() from None

    def texts(self) -> Sequence[Text]:
        """Every text of the answer."""
        return self._texts

    def unread_bytes(self) -> int:
        """Bytes of audio, images and encrypted content, which are in no text."""
        return self._unread

    def finish_reason(self) -> str | None:
        """Why the first choice ended."""
        for choice in _dicts(self._answer.get("choices")):
            return told_finish(choice.get("finish_reason"))
        return None

    def proposed(self) -> Sequence[ProposedCall]:
        """Every call of a tool, parallel ones and the legacy `function_call` too, in order."""
        calls: list[ProposedCall] = []
        for position, choice in enumerate(_dicts(self._answer.get("choices"))):
            index = choice.get("index")
            number = index if type(index) is int else position
            message = choice.get("message")
            if type(message) is dict:
                made = [*_dicts(message.get("tool_calls")), *_dicts([message.get("function_call")])]
                calls += [_call(number, order, call) for order, call in enumerate(made)]
        return calls

    def rewrite(self, instead: Mapping[int, str]) -> bytes:
        """The answer with other texts in the places of those with these indices; log-probabilities that might
        repeat one of them are dropped.

        With nothing to write, the bytes as they came where they are strict JSON. Raises `Refused`
        (`gateway.unredactable`) for a text of no place, and `UpstreamFailed` as when it was made.
        """
        if not instead and self._strict:
            return self._body
        choices: set[int | str] = set()
        for index, text in instead.items():
            where = self._texts[index]
            place = where.place or ()
            if place[:1] == ("choices",) and len(place) > 1:
                choices.add(place[1])
            if place[2:] != ("logprobs",):
                put_encoded(self._answer, where, text)
        for position in choices:
            choice = self._answer["choices"][position]
            if type(choice) is dict and "logprobs" in choice:
                choice["logprobs"] = None
        try:
            return dump_answer(self._answer)
        except RecursionError:
            raise _too_deep() from None


def _call(choice: int, index: int, call: dict[str, Any]) -> ProposedCall:
    """A call in any of its forms; what is missing is empty."""
    kind = call.get("type")
    detail = call.get("custom") if kind == "custom" else call.get("function", call)
    detail = detail if type(detail) is dict else {}
    name, arguments = detail.get("name"), detail.get("arguments")
    if kind == "custom":
        arguments = of_input(text) if type(text := detail.get("input")) is str else None
    if type(arguments) is not str:
        arguments = "" if arguments is None else dump_answer(arguments).decode()
    call_id = call.get("id")
    return propose(
        choice,
        index,
        call_id if type(call_id) is str else None,
        name if type(name) is str else "",
        arguments,
    )


def _too_deep() -> UpstreamFailed:
    return UpstreamFailed(Refused("gateway.upstream_invalid", "The provider's answer is nested too deeply."))


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if type(value) is list:
        for one in value:
            if type(one) is dict:
                yield one
