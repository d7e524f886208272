"""One choice of a streamed answer: what has come of it, what may go on, what is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dataplane.findings import Finding, Origin
from dataplane.inspection_ports import Guard
from dataplane.surfaces.answer_json import FINISH_REASONS
from dataplane.surfaces.chat_stream_calls import PartialCalls
from dataplane.surfaces.chat_stream_logprobs import KEYS, Logprobs
from dataplane.surfaces.chat_stream_rest import Channels, Rest
from dataplane.surfaces.chat_stream_text import Channel, Piece
from dataplane.surfaces.chat_texts import member_origin

_ORIGINS: Final = {"content": Origin.OUTPUT, "refusal": Origin.REFUSAL}
_CALLS: Final = ("tool_calls", "function_call")
_FORMS: Final[dict[str, type]] = {"index": int, "delta": dict, "finish_reason": str}
_NUMBERED: Final = frozenset({*_FORMS, "logprobs"})
_WORDS: Final = FINISH_REASONS | {"assistant", "system", "user", "tool", "developer", "function"}
"""Roles and finish reasons of the API."""


@dataclass(slots=True)
class Taken:
    """What one chunk brought of a choice, which may end it. `said` are the pieces of its plain texts by name,
    `tail` what was held of texts and goes on because the choice ends, `reason` are those of a finish reason
    that the API does not know, `others` the pieces of everything else."""

    choice: dict[str, Any]
    delta: dict[str, Any]
    finish: str | None
    ends: bool = False
    said: list[tuple[str, Piece]] = field(default_factory=list)
    tail: list[tuple[str, Piece]] = field(default_factory=list)
    others: list[Piece] = field(default_factory=list)
    reason: list[Piece] = field(default_factory=list)
    waiting: list[tuple[str, str]] = field(default_factory=list)

    @property
    def says(self) -> bool:
        """Whether some of a plain text goes on."""
        return any(piece.passed.text for _, piece in (*self.said, *self.tail))

    def findings(self) -> Iterator[Finding]:
        """Everything found."""
        for _, piece in self.said:
            yield from piece.findings
        for piece in (*self.others, *self.reason):
            yield from piece.findings
        for _, piece in self.tail:
            yield from piece.findings


@dataclass(slots=True)
class Freed:
    """What goes on of a choice. `choice` is what is left of the one that came, the very same where it goes on
    untouched, None where nothing is left of it; `before` are deltas and members of choices that go before."""

    choice: dict[str, Any] | None
    before: list[dict[str, Any]]


class Choice:
    """One choice, by its index. `ended`: its finish reason has gone on."""

    __slots__ = ("_begun", "_channels", "_guard", "_logprobs", "_rest", "calls", "ended", "index")

    def __init__(self, index: int, guard: Guard) -> None:
        self.index = index
        self.ended = False
        self._guard = guard
        self._begun = False
        self.calls = PartialCalls()
        self._channels = Channels(guard)
        self._rest = Rest(self._channels, guard)
        self._logprobs = Logprobs(self._channels, self._rest)

    @property
    def holds(self) -> bool:
        """Whether some of its text is held."""
        return self._channels.holds

    @property
    def unread_bytes(self) -> int:
        """Bytes that came encoded and are no text."""
        return self._rest.unread_bytes

    def take(self, choice: dict[str, Any]) -> Taken:
        """What a chunk brings. Raises `UpstreamFailed` for what no provider sends."""
        delta = choice.get("delta")
        finish = choice.get("finish_reason")
        taken = Taken(choice, delta if type(delta) is dict else {}, finish if type(finish) is str else None)
        said: dict[str, tuple[Channel, str]] = {}
        for key, value in taken.delta.items():
            if value is None:
                continue
            if key in _CALLS:
                self.calls.add(value) if key == "tool_calls" else self.calls.add_legacy(value)
            elif type(value) is str:
                if key == "role" and value in _WORDS:
                    continue
                channel = self._channels.of(key, _ORIGINS.get(key) or member_origin(key))
                if channel.origin is Origin.OTHER:
                    taken.said += [(key, piece) for piece in channel.feed_value(value)]
                else:
                    taken.said.append((key, channel.feed(value)))
                said[key] = channel, value
            else:
                origin = Origin.OUTPUT if key in ("content", "audio", "images") else member_origin(key)
                self._wait(taken, ("delta", key), value, origin)
        for key, value in choice.items():
            if key != "logprobs" and value is not None and type(value) is not _FORMS.get(key):
                self._wait(taken, ("choice", key), value, Origin.OTHER)
        if taken.finish is not None and taken.finish not in _WORDS:
            reason = Channel(self._guard, Origin.OTHER)
            taken.reason += [reason.feed(taken.finish), reason.end()]
        logprobs = choice.get("logprobs")
        if type(logprobs) is dict:
            taken.others += self._logprobs.take(logprobs, said)
        elif logprobs is not None:
            self._wait(taken, ("choice", "logprobs"), logprobs, Origin.OTHER)
        if finish is not None:
            taken.ends = True
            self._end(taken)
        return taken

    def ending(self) -> Taken:
        """What is held, because nothing more comes."""
        taken = Taken({}, {}, None, ends=not self.ended)
        self._end(taken)
        return taken

    def relaxing(self) -> Taken:
        """What has been held for long enough."""
        taken = Taken({}, {}, None)
        self._tail(taken, Channel.relax)
        return taken

    def settle(self, taken: Taken, kinds: Sequence[str]) -> Freed:
        """What goes on, without the findings that `kinds` mean. In the order of taking."""
        texts: dict[str, str] = {}
        for key, piece in taken.said:
            texts[key] = texts.get(key, "") + piece.settle(kinds)
        for piece in taken.others:
            piece.settle(kinds)
        for key, piece in taken.tail:
            text = piece.settle(kinds)
            if type(key) is str:
                texts[key] = texts.get(key, "") + text
        choice, delta = dict(taken.choice), dict(taken.delta)
        changed = False
        for key in _CALLS:
            changed |= delta.pop(key, None) is not None
        kept = len(delta)
        early = self._early(taken, texts, delta)
        before = [{"delta": {key: value}} for key, value in early.items()]
        changed |= len(delta) < kept
        for key, text in texts.items():
            if key in delta and delta[key] != text:
                changed = True
                delta[key] = text
                if not text and self._begun:
                    del delta[key]
        changed |= self._settle_rest(taken, choice, delta, before)
        changed |= self._settle_logprobs(taken, choice, before)
        if taken.reason:
            choice["finish_reason"] = "".join([piece.settle(kinds) for piece in taken.reason])
            changed |= choice["finish_reason"] != taken.finish
        # That a choice has begun is told at once, even if nothing that it says can be yet.
        begun, self._begun = self._begun, True
        if not changed:
            return Freed(taken.choice or None, before)
        if type(taken.choice.get("delta")) is dict:
            choice["delta"] = delta
        empty = begun and not delta and choice.get("finish_reason") is None and not choice.get("logprobs")
        return Freed(None if empty and choice.keys() <= _NUMBERED else choice, before)

    def _early(self, taken: Taken, texts: dict[str, str], delta: dict[str, Any]) -> dict[str, str]:
        """The texts that go before the chunk, because it ends the choice or has no place for them."""
        early = {}
        for key in list(texts):
            if key not in delta or (
                taken.choice.get("finish_reason") is not None and delta[key] != texts[key]
            ):
                early[key] = texts.pop(key)
                delta.pop(key, None)
        return {key: text for key, text in early.items() if text}

    def _wait(self, taken: Taken, key: tuple[str, str], value: Any, origin: Origin) -> None:
        pieces = self._rest.take(key, value, origin)
        if pieces is not None:
            taken.others += pieces
            taken.waiting.append(key)

    def _end(self, taken: Taken) -> None:
        self._tail(taken, Channel.end)

    def _tail(self, taken: Taken, step: Callable[[Channel], Piece]) -> None:
        taken.tail += self._channels.pieces(step)

    def _settle_rest(
        self, taken: Taken, choice: dict[str, Any], delta: dict[str, Any], before: list[dict[str, Any]]
    ) -> bool:
        """Put those values back that need not wait; whether anything differs from what came."""
        held = {key: (delta if key[0] == "delta" else choice).pop(key[1], None) for key in taken.waiting}
        for key, value in self._rest.release():
            if key in held and held[key] is value:
                (delta if key[0] == "delta" else choice)[key[1]] = held.pop(key)
            else:
                before.append({"delta": {key[1]: value}} if key[0] == "delta" else {key[1]: value})
        return bool(held)

    def _settle_logprobs(self, taken: Taken, choice: dict[str, Any], before: list[dict[str, Any]]) -> bool:
        came = taken.choice.get("logprobs")
        freed = self._logprobs.release()
        if type(came) is not dict:
            if freed:
                before.append({"logprobs": freed})
            return False
        passes = (
            key in freed and _same(freed[key], value)
            for key, value in came.items()
            if value or key not in KEYS  # a name of any other is a text
        )
        if all(passes) and not (freed.keys() - came.keys()):
            return False
        nothing = {key: None for key in came if key in KEYS}
        choice["logprobs"] = {**nothing, **freed} if freed else None
        return True


def _same(freed: Any, came: Any) -> bool:
    if type(freed) is list and type(came) is list:
        return len(freed) == len(came) and all(one is other for one, other in zip(freed, came, strict=True))
    return freed is came
