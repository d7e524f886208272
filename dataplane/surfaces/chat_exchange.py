"""What comes back for a chat completion: whole, or as a stream of chunks.

A stream passes event by event, byte for byte. Only where the gateway asked for usage on its own is it
taken out again: the chunk that carries nothing else is dropped, from others the key is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from dataplane.domain import CallState
from dataplane.errors import Refused
from dataplane.findings import ProposedCall, Text
from dataplane.inspection_ports import Guard, GuardedStream
from dataplane.ports import Transcript, UpstreamFailed
from dataplane.quantities import UNKNOWN_USAGE, Usage
from dataplane.surfaces import openai_errors
from dataplane.surfaces.answer_json import (
    dump_answer,
    is_strict,
    model_of,
    parse_answer,
    parse_whole,
    usage_of,
)
from dataplane.surfaces.chat_answer import ChatAnswer
from dataplane.surfaces.chat_stream import Chunk, GuardedChat
from dataplane.surfaces.chat_tokens import spoken
from dataplane.surfaces.chat_transcript import ChatTranscript
from dataplane.surfaces.sse import Event, EventSplitter, with_data
from dataplane.surfaces.tokens import count_now

MAX_CHOICES_SEEN: Final = 1024
"""Choices of one stream whose end is tracked; `n` is 128 at most, so more is no chat stream."""

MAX_PENDING: Final = 256
"""Pieces of text kept uncounted; most streams end before that, with the provider's own count."""

_OURS: Final = ("gateway.", "limit.")
"""Beginnings of reasons that are not policy's judgement of an answer, but for one."""

_JUDGED: Final = "gateway.unredactable"

_DONE: Final = b"data: [DONE]\n\n"


class ChatExchange:
    """Implements `ports.Exchange`. `hide_usage`: the caller did not ask for usage in its stream.

    `model` was asked for, and `prompt_tokens` are those of the request: what is counted by where the
    provider does not say.
    """

    __slots__ = (
        "_asked",
        "_choices",
        "_counted",
        "_done",
        "_failed",
        "_guarded",
        "_hide_usage",
        "_pending",
        "_prompt_tokens",
        "_read_answer",
        "_reported",
        "_splitter",
        "_whole",
        "model",
        "strike",
    )

    def __init__(self, *, hide_usage: bool, model: str | None = None, prompt_tokens: int = 0) -> None:
        self.model: str | None = None
        self.strike: Callable[[bytes], bytes] | None = None
        self._asked = model
        self._prompt_tokens = prompt_tokens
        self._reported: Usage | None = None
        self._pending: list[str] = []
        self._counted: int | None = None
        self._hide_usage = hide_usage
        self._splitter = EventSplitter()
        self._choices: dict[int, bool] = {}
        self._done = False
        self._failed = False
        self._whole: tuple[bytes, dict[str, Any], bool] = b"{}", {}, True
        self._read_answer: ChatAnswer | None = None
        self._guarded: GuardedChat | None = None

    @property
    def usage(self) -> Usage:
        """As the provider says; what came since, or all of it where it says nothing, as counted here: each
        text as it came, so rather too many than too few."""
        if self._pending:
            self._count_pending()
        known = self._reported
        if known is None:
            if self._counted is None:
                return UNKNOWN_USAGE
            return Usage(input_tokens=self._prompt_tokens, output_tokens=self._counted, counted=True)
        if not self._counted:
            return known
        return replace(known, output_tokens=(known.output_tokens or 0) + self._counted, counted=True)

    @property
    def finished(self) -> bool:
        """Whether every choice seen had its finish reason."""
        return bool(self._choices) and all(self._choices.values())

    def whole(self, body: bytes) -> bytes:
        """The same bytes; raises `UpstreamFailed` (`gateway.upstream_invalid`) if they are no object."""
        answer, strict = parse_whole(body)
        self.model = model_of(answer)
        self._note_said(answer.get("choices"))
        self._note_usage(usage_of(answer))
        self._whole = body, answer, strict
        return body

    def texts(self) -> Sequence[Text]:
        """See `ports.Exchange.texts`."""
        return self._read().texts()

    def unread_bytes(self) -> int:
        """See `ports.Exchange.unread_bytes`."""
        return self._read().unread_bytes()

    def proposed(self) -> Sequence[ProposedCall]:
        """See `ports.Exchange.proposed`."""
        return self._read().proposed()

    def finish_reason(self) -> str | None:
        """See `ports.Exchange.finish_reason`."""
        return self._read().finish_reason()

    def rewrite(self, instead: Mapping[int, str]) -> bytes:
        """See `ports.Exchange.rewrite`."""
        return self._read().rewrite(instead)

    def feed(self, data: bytes) -> bytes:
        """Every event that is complete. Raises `UpstreamFailed` for one that is too large or no chunk.

        What follows `[DONE]` is dropped.
        """
        passed = [self._pass(event) for event in self.split(data)]
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
        self.close()
        return left + _DONE

    def guard(self, guard: Guard) -> GuardedStream:
        """See `ports.Exchange.guard`."""
        self._guarded = GuardedChat(self, guard)
        return self._guarded

    def transcript(self, limit: int) -> Transcript:
        """See `ports.Exchange.transcript`."""
        return ChatTranscript(limit)

    def cut(self, refused: Refused, state: CallState) -> bytes:
        """An error event and `[DONE]`; nothing where the stream has ended already.

        Where policy cuts a guarded stream, every choice that has not ended ends with `content_filter` first.
        """
        guarded = self._guarded
        if guarded is None:
            ended, left = self._done, b""
        else:
            ended, left = guarded.done, guarded.take()
            guarded.done = True
            reason = refused.reasons[0]
            if not ended and (reason == _JUDGED or not reason.startswith(_OURS)):
                left += guarded.filtered()
        self._done = True
        return left if ended else left + openai_errors.cut(refused, state)

    # --- what a guarded stream needs (`chat_stream.Reads`) ----------------------------------------

    def split(self, data: bytes) -> list[Event]:
        """The events that `data` completes, up to `[DONE]`; what follows is dropped."""
        if self._done:
            return []
        events = self._splitter.feed(data)
        for at, event in enumerate(events):
            if _is_done(event):
                self._done = True
                return events[: at + 1]
        return events

    def last(self) -> Event | None:
        """The event that the stream ended in without a blank line."""
        return None if self._done else self._splitter.end()

    def read(self, event: Event) -> Chunk:
        """An event that has data and is not `[DONE]`. Raises `UpstreamFailed` for one that is no chunk."""
        event, chunk = self._chunk(event)
        hides = self._hides(chunk)
        if hides:
            del chunk["usage"]
        empty = hides and chunk.get("choices") == []
        exact = not hides and event.data is not None and is_strict(event.data)
        return Chunk(event=event, value=chunk, exact=exact, empty=empty)

    def close(self) -> None:
        """The stream has ended. Raises `UpstreamFailed` if its answer has not."""
        if not (self._failed or self.finished):
            raise UpstreamFailed(
                Refused("gateway.upstream_invalid", "The provider's stream ended before the answer did.")
            )
        self._done = True

    def _read(self) -> ChatAnswer:
        """The answer that `whole` was given; read when first asked for."""
        if self._read_answer is None:
            body, answer, strict = self._whole
            self._read_answer = ChatAnswer(body, answer, strict=strict)
        return self._read_answer

    def _pass(self, event: Event) -> bytes:
        if event.data is None or _is_done(event):
            return event.raw
        event, chunk = self._chunk(event)
        empty = chunk.get("choices") == [] and usage_of(chunk) is not None
        if not self._hides(chunk):
            return event.raw
        if empty:
            return b""
        del chunk["usage"]
        return with_data(event, dump_answer(chunk))

    def _chunk(self, event: Event) -> tuple[Event, dict[str, Any]]:
        """A chunk, noted; the event is another where it quoted our credential."""
        assert event.data is not None
        chunk = parse_answer(event.data)
        if self.model is None:
            self.model = model_of(chunk)
        if chunk.get("error") or event.name == b"error":
            self._failed = True
            if self.strike is not None:
                # A provider may quote the credential it was asked with. Struck out, the event is read anew.
                struck = self.strike(event.data)
                event, chunk = Event(self.strike(event.raw), struck, event.name), parse_answer(struck)
        choices = chunk.get("choices")
        if type(choices) is list:
            self._note_finished(choices)
            self._note_said(choices)
        if "usage" in chunk:
            self._note_usage(usage_of(chunk))
        return event, chunk

    def _hides(self, chunk: dict[str, Any]) -> bool:
        return self._hide_usage and "usage" in chunk

    def _note_finished(self, choices: list[Any]) -> None:
        for choice in choices:
            if type(choice) is dict:
                index = choice.get("index")
                index = index if type(index) is int else 0
                finished = choice.get("finish_reason") is not None
                self._choices[index] = finished or self._choices.get(index, False)
        if len(self._choices) > MAX_CHOICES_SEEN:
            raise UpstreamFailed(Refused("gateway.upstream_invalid", "The provider sent too many choices."))

    def _note_said(self, choices: Any) -> None:
        """Keep what was said until somebody asks how much it is."""
        self._counted = self._counted or 0
        self._pending += spoken(choices)
        if len(self._pending) > MAX_PENDING:
            self._count_pending()

    def _count_pending(self) -> None:
        self._counted = (self._counted or 0) + count_now(self._asked, self._pending)
        self._pending.clear()

    def _note_usage(self, usage: Usage | None) -> None:
        """Believe the provider of all that was said until now."""
        if usage is not None and usage.input_tokens is not None and usage.output_tokens is not None:
            self._reported = usage
            self._pending.clear()
            self._counted = 0


def _is_done(event: Event) -> bool:
    """Whether this is the terminator; the SDKs compare its beginning only."""
    return event.data is not None and event.data.startswith(b"[DONE]")
