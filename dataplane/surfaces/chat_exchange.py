"""What comes back for a chat completion: whole, or as a stream of chunks.

A stream passes event by event, byte for byte. Only where the gateway asked for usage on its own is it
taken out again: the chunk that carries nothing else is dropped, from others the key is removed.
"""

from __future__ import annotations

from typing import Any, Final

from dataplane.domain import CallState, Usage
from dataplane.errors import Refused
from dataplane.ports import UpstreamFailed
from dataplane.surfaces import openai_errors
from dataplane.surfaces.answer_json import dump_answer, model_of, parse_answer, usage_of
from dataplane.surfaces.sse import Event, EventSplitter, with_data

MAX_CHOICES_SEEN: Final = 1024
"""Choices of one stream whose end is tracked; `n` is 128 at most, so more is no chat stream."""

_DONE: Final = b"data: [DONE]\n\n"


class ChatExchange:
    """Implements `ports.Exchange`. `hide_usage`: the caller did not ask for usage in its stream."""

    __slots__ = ("_choices", "_done", "_failed", "_hide_usage", "_splitter", "model", "usage")

    def __init__(self, *, hide_usage: bool) -> None:
        self.usage = Usage()
        self.model: str | None = None
        self._hide_usage = hide_usage
        self._splitter = EventSplitter()
        self._choices: dict[int, bool] = {}
        self._done = False
        self._failed = False

    def whole(self, body: bytes) -> bytes:
        """The same bytes; raises `UpstreamFailed` (`gateway.upstream_invalid`) if they are no object."""
        answer = parse_answer(body)
        self.model = model_of(answer)
        self.usage = usage_of(answer) or self.usage
        return body

    def feed(self, data: bytes) -> bytes:
        """Every event that is complete. Raises `UpstreamFailed` for one that is too large or no chunk.

        What follows `[DONE]` is dropped.
        """
        if self._done:
            return b""
        passed: list[bytes] = []
        for event in self._splitter.feed(data):
            passed.append(self._pass(event))
            if _is_done(event):
                self._done = True
                break
        return passed[0] if len(passed) == 1 else b"".join(passed)

    def end(self) -> bytes:
        """What is left, and `[DONE]` where a finished stream lacks it.

        A stream is finished when every choice seen had its finish reason, or when the provider sent an
        error. Raises `UpstreamFailed` (`gateway.upstream_invalid`) for one that ended before that.
        """
        if self._done:
            return b""
        last = self._splitter.end()
        left = b"" if last is None or last.data is None else self._pass(last)
        if last is not None and _is_done(last):
            self._done = True
            return left
        if self._failed or (self._choices and all(self._choices.values())):
            self._done = True
            return left + _DONE
        raise UpstreamFailed(
            Refused("gateway.upstream_invalid", "The provider's stream ended before the answer did.")
        )

    def cut(self, refused: Refused, state: CallState) -> bytes:
        """An error event and `[DONE]`; nothing where the stream has ended already."""
        if self._done:
            return b""
        self._done = True
        return openai_errors.cut(refused, state)

    def _pass(self, event: Event) -> bytes:
        if event.data is None or _is_done(event):
            return event.raw
        chunk = parse_answer(event.data)
        if self.model is None:
            self.model = model_of(chunk)
        if chunk.get("error") or event.name == b"error":
            self._failed = True
        choices = chunk.get("choices")
        if type(choices) is list:
            self._note_finished(choices)
        if "usage" not in chunk:
            return event.raw
        usage = usage_of(chunk)
        self.usage = usage or self.usage
        if not self._hide_usage:
            return event.raw
        if usage is not None and choices == []:
            return b""
        del chunk["usage"]
        return with_data(event, dump_answer(chunk))

    def _note_finished(self, choices: list[Any]) -> None:
        for choice in choices:
            if type(choice) is dict:
                index = choice.get("index")
                index = index if type(index) is int else 0
                finished = choice.get("finish_reason") is not None
                self._choices[index] = finished or self._choices.get(index, False)
        if len(self._choices) > MAX_CHOICES_SEEN:
            raise UpstreamFailed(Refused("gateway.upstream_invalid", "The provider sent too many choices."))


def _is_done(event: Event) -> bool:
    """Whether this is the terminator; the SDKs compare its beginning only."""
    return event.data is not None and event.data.startswith(b"[DONE]")
