"""What a caller was sent of a streamed chat answer, put together: a text for each field of each choice."""

from __future__ import annotations

from typing import Any, Final

from dataplane.findings import Origin, Place, Text
from dataplane.ports import UpstreamFailed
from dataplane.surfaces.answer_json import parse_answer
from dataplane.surfaces.chat_answer_texts import add_choice, add_member
from dataplane.surfaces.json_texts import add_names
from dataplane.surfaces.sse import EventSplitter

_REPEATED: Final = ("id", "type", "name", "role")
"""What some providers say again in each delta of a call."""

_NOT_SAID: Final = ("error", "object", "obfuscation")
"""What ends a stream, what every chunk is called, and what is random by design."""


class ChatTranscript:
    """Implements `ports.Transcript`. Log-probabilities are left out: they say what the texts say."""

    __slots__ = ("_failed", "_left", "_parts", "_splitter", "ended", "omitted")

    def __init__(self, limit: int) -> None:
        """Keeps `limit` characters."""
        self._left = limit
        self._splitter = EventSplitter()
        self._parts: dict[tuple[Place, Origin], list[str]] = {}
        self._failed = False
        self.omitted = 0
        self.ended = False

    def add(self, sent: bytes) -> None:
        """See `ports.Transcript`."""
        try:
            for event in self._splitter.feed(sent):
                if event.data is None:
                    continue
                if event.data.startswith(b"[DONE]"):
                    self.ended = not self._failed and not self.omitted
                else:
                    self._chunk(parse_answer(event.data))
        except (UpstreamFailed, RecursionError):
            # An event of over a megabyte, as calls of tools may become one, or one that is nested too deeply.
            self.omitted += len(sent)
            self._splitter = EventSplitter()

    def texts(self) -> list[Text]:
        """See `ports.Transcript`; what no origin of its own has comes last."""
        said = [Text(text="".join(parts), origin=origin) for (_, origin), parts in self._parts.items()]
        return sorted(said, key=lambda text: text.origin is Origin.OTHER)

    def _chunk(self, chunk: dict[str, Any]) -> None:
        self._failed = self._failed or "error" in chunk
        around: list[Text] = []
        texts: list[Text] = []
        for key, value in chunk.items():
            if key == "choices" and type(value) is list:
                for choice in value:
                    if type(choice) is dict:
                        add_choice(_as_whole(choice), (key, str(choice.get("index"))), texts)
                    else:
                        add_member(key, choice, (key,), around)
            elif key not in _NOT_SAID:
                add_member(key, value, (key,), around)
                add_names({key: value}, Origin.OTHER, around)
        for text in texts:
            if text.place is None:
                around.append(text)
            else:
                self._say(text, text.place, again=text.place[-1] not in _REPEATED)
        for text in around:
            self._say(text, (text.text,), again=False)

    def _say(self, text: Text, place: Place, *, again: bool) -> None:
        """Keep a text that goes on where those of its place ended; one that is only said `again` once."""
        parts = self._parts.get((place, text.origin), [])
        if parts and not again and text.text == parts[0]:
            return
        said = text.text[: self._left]
        self.omitted += len(text.text) - len(said)
        self._left -= len(said)
        if said:
            self._parts.setdefault((place, text.origin), parts).append(said)


def _as_whole(choice: dict[str, Any]) -> dict[str, Any]:
    """A choice with its delta as a message, of which the calls stand by their numbers."""
    whole = {key: value for key, value in choice.items() if key not in ("delta", "logprobs")}
    delta = choice.get("delta")
    if type(delta) is not dict:
        return whole if delta is None else {**whole, "delta": delta}
    calls = delta.get("tool_calls")
    if type(calls) is list:
        numbered = {
            str(call.get("index", place)) if type(call) is dict else str(place): call
            for place, call in enumerate(calls)
        }
        delta = {**delta, "tool_calls": numbered}
    return {**whole, "message": delta}
