"""A streamed chat answer that is looked at on its way: text goes on as soon as nothing in it can become a
finding, what is found is put to policy first, and calls of tools wait until they are whole and decided.

A chunk of which nothing changes goes on as the bytes it came in. What a choice still holds when it ends goes
before the chunk that says so, and its calls of tools after its text. Of a choice held text never moves to
another, and no text moves to another field.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from dataplane.errors import Refused
from dataplane.findings import Finding, Origin, Text, restored
from dataplane.inspection_ports import TURN, Asked, Guard, Passed, ResponseVerdict, Steps
from dataplane.ports import UpstreamFailed
from dataplane.surfaces.answer_json import SPOKEN, dump_answer, told_finish
from dataplane.surfaces.chat_stream_calls import PartialCall
from dataplane.surfaces.chat_stream_choice import Choice, Freed, Taken
from dataplane.surfaces.chat_stream_text import glance
from dataplane.surfaces.json_texts import add_names, add_texts, put
from dataplane.surfaces.sse import Event

MAX_CHOICES: Final = 1024
"""As `chat_exchange.MAX_CHOICES_SEEN`."""

MAX_SEEN: Final = 64
"""Texts that every chunk repeats (ids, the model's name) and that were found to be clean."""

TURN_CHARACTERS: Final = 4_096
"""Of a text that are looked at in one go: some milliseconds where it is read in many ways."""

_DONE: Final = Event(b"data: [DONE]\n\n", b"[DONE]")
_COMMENT: Final = b":\n\n"
_COUNTS: Final = ("created", "index", "expires_at")
"""What providers date and number by."""

_NOT_OF_A_DELTA: Final = ("choices", "usage", "error", "obfuscation")

Ask = Generator[Asked, ResponseVerdict, None]


class Reads(Protocol):
    """What a guarded stream needs of its exchange: splitting, and the account of what passes."""

    def split(self, data: bytes) -> list[Event]:
        """The events that `data` completes, up to `[DONE]`."""
        ...

    def last(self) -> Event | None:
        """The event that the stream ended in."""
        ...

    def read(self, event: Event) -> Chunk:
        """An event that has data and is not `[DONE]`; raises `UpstreamFailed` for one that is no chunk."""
        ...

    def close(self) -> None:
        """The stream has ended; raises `UpstreamFailed` if its answer has not."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """An event as it was read, our credential struck out of it. `exact`: its data say no more than the value
    (no key stands twice, nothing was taken out); `empty`: but for what was taken out it has nothing."""

    event: Event
    value: dict[str, Any]
    exact: bool
    empty: bool


class GuardedChat:
    """Implements `ports.GuardedStream` over what an exchange reads. `pending` is what may go on and was not
    taken yet; `done` says that the end of the stream is in it, or was taken."""

    __slots__ = ("_choices", "_guard", "_last", "_reads", "_seen", "done", "pending", "silent")

    def __init__(self, reads: Reads, guard: Guard) -> None:
        self._reads = reads
        self._guard = guard
        self._choices: dict[int, Choice] = {}
        self._seen: set[str] = set()
        self._last: dict[str, Any] = {}
        self.done = False
        self.silent = True
        self.pending: list[bytes] = []

    @property
    def holds(self) -> bool:
        """Whether text is held back that time could free."""
        return any(choice.holds for choice in self._choices.values())

    def feed(self, data: bytes) -> Steps:
        """See `ports.GuardedStream`."""
        for event in self._reads.split(data):
            yield from self._event(event)
        return self.take()

    def end(self) -> Steps:
        """See `ports.GuardedStream`. Raises `UpstreamFailed` where the stream ended before its answer did:
        what was held then is gone."""
        last = self._reads.last()
        if last is not None:
            yield from self._event(last)
        if self.done:
            return self.take()
        self._reads.close()
        yield from self._event(_DONE)
        return self.take()

    def relax(self) -> Steps:
        """See `ports.GuardedStream`."""
        taken = [(choice, choice.relaxing()) for choice in self._choices.values() if choice.holds]
        for choice, freed in (yield from self._settled(taken)):
            self._before(choice, freed)
        return self.take()

    def _event(self, event: Event) -> Ask:
        if event.data is None:
            # What stands in a comment is nothing that anybody reads; that one came keeps connections alive.
            self.pending.append(_COMMENT)
        elif event.data.startswith(b"[DONE]"):
            yield from self._finish()
            self.done = True
            self.pending.append(_DONE.raw)
        else:
            yield from self._chunk(self._reads.read(event))

    def _chunk(self, read: Chunk) -> Ask:
        chunk, event = read.value, read.event
        self._last = chunk
        changed = yield from self._around(chunk)
        changed |= not read.exact or event.raw != b"data: %b\n\n" % (event.data or b"")
        choices = chunk.get("choices")
        if event.data is not None and len(event.data) > TURN_CHARACTERS:
            changed |= yield from self._long(choices)
        ours = [one for one in choices if type(one) is dict] if type(choices) is list else []
        taken = [
            (choice, choice.take(one)) for choice, one in zip(map(self._choice, ours), ours, strict=True)
        ]
        freed = yield from self._settled(taken)
        for choice, one in freed:
            self._before(choice, one)
        for choice, mine in taken:
            if mine.choice.get("finish_reason") is not None:
                yield from self._calls(choice)
                choice.ended = True
        left = [one.choice for _, one in freed if one.choice is not None]
        same = len(left) == len(ours) and all(a is b for a, b in zip(left, ours, strict=True))
        if read.empty or (ours and not left and "usage" not in chunk):
            return
        if same and not changed:
            self.pending.append(event.raw)
            return
        if not same:
            chunk["choices"] = left
        named = b"event: error\n" if event.name == b"error" else b""
        self.pending.append(named + b"data: " + dump_answer(chunk) + b"\n\n")

    def _long(self, choices: Any) -> Generator[Asked, ResponseVerdict, bool]:
        """Take the beginnings of long texts for chunks of their own, with a turn for others before each;
        whether there were any."""
        found = False
        for choice, delta in beginnings(choices):
            found = True
            yield TURN
            known = self._choice(choice)
            part = {"index": known.index, "delta": delta, "finish_reason": None}
            for _, freed in (yield from self._settled([(known, known.take(part))])):
                self._before(known, freed)
                if freed.choice is not None and freed.choice["delta"]:
                    self.pending.append(self._made(known.index, freed.choice))
        return found

    def _finish(self) -> Ask:
        """Let go on what is held, because nothing more comes."""
        taken = [(choice, choice.ending()) for choice in self._choices.values()]
        for choice, freed in (yield from self._settled(taken)):
            self._before(choice, freed)
        for choice, _ in taken:
            yield from self._calls(choice)

    def take(self) -> bytes:
        """What may go on now."""
        out = self.pending
        if not out:
            return b""
        self.pending = []
        return out[0] if len(out) == 1 else b"".join(out)

    def filtered(self) -> bytes:
        """The end of every choice that has none: the finish reason `content_filter`."""
        return b"".join(
            self._made(choice.index, {"delta": {}, "finish_reason": "content_filter"})
            for choice in self._choices.values()
            if not choice.ended
        )

    def _choice(self, choice: dict[str, Any]) -> Choice:
        index = choice.get("index")
        index = index if type(index) is int else 0
        known = self._choices.get(index)
        if known is None:
            if not 0 <= index < MAX_CHOICES:
                raise UpstreamFailed(
                    Refused("gateway.upstream_invalid", "The provider sent too many choices.")
                )
            known = self._choices[index] = Choice(index, self._guard)
        return known

    def _settled(
        self, taken: list[tuple[Choice, Taken]]
    ) -> Generator[Asked, ResponseVerdict, list[tuple[Choice, Freed]]]:
        """Put what was found to policy, and let the rest go on."""
        findings = tuple([each for _, one in taken for each in one.findings()])
        finish = next((one.finish for _, one in taken if one.finish is not None), None)
        kinds: tuple[str, ...] = ()
        ends = any(one.ends for _, one in taken)
        if findings or ends:
            unread = sum(choice.unread_bytes for choice, _ in taken)
            verdict = yield Asked(
                findings=findings, ends=ends, finish_reason=told_finish(finish), unread_bytes=unread
            )
            kinds = verdict.redact
        self.silent = self.silent and not any(one.says for _, one in taken)
        return [(choice, choice.settle(one, kinds)) for choice, one in taken]

    def _before(self, choice: Choice, freed: Freed) -> None:
        for members in freed.before:
            self.pending.append(self._made(choice.index, {"delta": {}, "finish_reason": None, **members}))

    def _calls(self, choice: Choice) -> Ask:
        """Put the calls of a choice to policy; none goes on before all were decided."""
        calls = choice.calls.take()
        for number, (_, call) in enumerate(calls):
            yield from self._named(call)
            proposed = call.proposed(choice.index, number)
            verdict = yield Asked(call=proposed)
            instead = dict(self._guard.redact(proposed.texts, verdict.findings, verdict.redact))
            if self._guard.restore is not None:
                instead |= restored(proposed.texts, instead, self._guard.restore)
            call.rewrite(proposed, instead)
        for index, call in calls:
            self.pending.append(self._made(choice.index, {"delta": call.delta(index), "finish_reason": None}))

    def _named(self, call: PartialCall) -> Ask:
        texts = call.texts()
        passed = [glance(self._guard, text) for text in texts]
        kinds = yield from self._asked(passed)
        for text, one in zip(texts, passed, strict=True):
            if one.findings and self._instead(text, one, kinds) is not None:
                # What a call is named by is what it is decided by: it is not written anew.
                raise Refused("gateway.unredactable")

    def _around(self, chunk: dict[str, Any]) -> Generator[Asked, ResponseVerdict, bool]:
        """Look at what stands around the choices; whether some of it was rewritten."""
        seen = self._seen
        texts: list[Text] = []
        for key, value in chunk.items():
            if type(value) is str:
                if value and value not in seen:
                    texts.append(Text(text=value, origin=Origin.OTHER, place=(key,)))
            elif key == "choices" and type(value) is list:
                for index, one in enumerate(value):
                    if type(one) is not dict:
                        add_texts(one, Origin.OTHER, (key, index), texts)
                    else:
                        add_names(one, Origin.OTHER, texts)
                        if type(delta := one.get("delta")) is dict:
                            add_names(delta, Origin.OTHER, texts)
            elif key == "usage" and type(value) is dict:
                add_texts({k: v for k, v in value.items() if type(v) is not int}, Origin.OTHER, (key,), texts)
            elif value is not None and not (key in _COUNTS and type(value) is int):
                add_texts(value, Origin.OTHER, (key,), texts)
        add_names(chunk, Origin.OTHER, texts)
        texts = [text for text in texts if text.text not in seen]
        if not texts:
            return False
        passed = [glance(self._guard, text) for text in texts]
        kinds = yield from self._asked(passed)
        changed = False
        for text, one in zip(texts, passed, strict=True):
            if not one.findings:
                if len(seen) < MAX_SEEN and (text.place is None or len(text.place) == 1):
                    seen.add(text.text)
            elif (instead := self._instead(text, one, kinds)) is not None:
                put(chunk, text, instead)
                changed = True
        return changed

    def _asked(self, passed: Iterable[Passed]) -> Generator[Asked, ResponseVerdict, tuple[str, ...]]:
        """What is redacted of these."""
        findings: tuple[Finding, ...] = tuple([each for one in passed for each in one.findings])
        if not findings:
            return ()
        verdict = yield Asked(findings=findings)
        return verdict.redact

    def _instead(self, text: Text, passed: Passed, kinds: tuple[str, ...]) -> str | None:
        return self._guard.redact((text,), passed.findings, kinds).get(0) if kinds else None

    def _made(self, index: int, members: dict[str, Any]) -> bytes:
        """A chunk of our own, like the last that came."""
        like = {key: value for key, value in self._last.items() if key not in _NOT_OF_A_DELTA}
        return b"data: " + dump_answer({**like, "choices": [{"index": index, **members}]}) + b"\n\n"


def beginnings(choices: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Choices and deltas of `TURN_CHARACTERS`, taken off the beginnings of longer texts of a chunk. Not where
    log-probabilities go with the text, nor in a chunk that has a choice twice: their order is the text's."""
    ours = [one for one in choices if type(one) is dict] if type(choices) is list else []
    numbers = [number if type(number := one.get("index")) is int else 0 for one in ours]
    for choice in ours if len(set(numbers)) == len(numbers) else ():
        delta = choice.get("delta")
        if type(delta) is not dict or choice.get("logprobs") is not None:
            continue
        for key in SPOKEN:  # of other texts nobody knows whether they may come in parts
            value = delta.get(key)
            while type(value) is str and len(value) > TURN_CHARACTERS:
                head = {"role": delta.pop("role")} if "role" in delta else {}
                value, head[key] = value[TURN_CHARACTERS:], value[:TURN_CHARACTERS]
                delta[key] = value
                yield choice, head
