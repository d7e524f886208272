"""Text that hides in log-probabilities: tokens, their bytes, and the tokens that might have been.

They say again, a token at a time, what the message says, and can say anything else. So each of their
readings that is not what the message says is a text of its own, in one go and a token a line. Nothing is ever
written into them: where a text of the message or of theirs is rewritten, they are dropped.
"""

from __future__ import annotations

from typing import Any, Final

from jiter import LosslessFloat

from dataplane.findings import Origin, Place, Text
from dataplane.surfaces.json_texts import add_texts, digits_of

_KNOWN: Final = ("token", "bytes", "logprob", "top_logprobs")
_SAID_IN: Final = {"content": Origin.OUTPUT, "refusal": Origin.REFUSAL}


def add_logprob_texts(logprobs: Any, message: dict[str, Any], place: Place, texts: list[Text]) -> None:
    """Append the readings of a choice's `logprobs` that are not the message's own text, and whatever else
    stands there. All have `place`, that of the whole."""
    found: list[Text] = []
    rest: Any = logprobs
    if type(logprobs) is dict:
        rest = {}
        for key, entries in logprobs.items():
            if type(entries) is list:
                readings = _Readings()
                rest[key] = [readings.take(entry) for entry in entries]
                origin = _SAID_IN.get(key, Origin.OTHER)
                found += [Text(text=text, origin=origin) for text in readings.texts(message.get(key))]
            else:
                rest[key] = entries
    add_texts(rest, Origin.OTHER, (), found)
    texts += [Text(text=text.text, origin=text.origin, place=place) for text in found]


class _Readings:
    """What a list of tokens says: as tokens and as bytes, for each rank of the alternatives too."""

    def __init__(self) -> None:
        self._tokens: list[list[str]] = [[]]
        self._bytes: list[list[bytes]] = [[]]

    def take(self, entry: Any) -> Any:
        """Read one token's entry; returns what of it is no token, nor bytes, nor probability."""
        left = self._take(entry, 0)
        if type(left) is dict and type(ranks := left.get("top_logprobs")) is list:
            kept = [self._take(one, rank + 1) for rank, one in enumerate(ranks)]
            left["top_logprobs"] = kept if any(one is not None for one in kept) else None
        return left

    def texts(self, said: Any) -> list[str]:
        """The different readings but for what is `said` anyway."""
        found: dict[str, None] = {}
        for tokens in self._tokens:
            if (text := "".join(tokens)) != said:
                found[text] = found["\n".join(tokens)] = None
        for data in self._bytes:
            if (text := _decoded(b"".join(data))) != said:
                found[text] = found[_decoded(b"\n".join(data))] = None
        return [text for text in found if text]

    def _take(self, entry: Any, rank: int) -> Any:
        if type(entry) is not dict:
            return entry
        while len(self._tokens) <= rank:
            self._tokens.append([])
            self._bytes.append([])
        left: dict[str, Any] = {}
        for key, value in entry.items():
            if key == "token" and type(value) is str:
                self._tokens[rank].append(value)
            elif key == "bytes" and (data := _bytes(value)) is not None:
                self._bytes[rank].append(data)
            elif key not in _KNOWN or not is_plain(value):
                left[key] = value
        return left or None


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def is_plain(value: Any) -> bool:
    """Whether this is nothing, or a number that can be no text."""
    return value is None or (type(value) in (int, float, LosslessFloat) and digits_of(value) is None)


def _bytes(value: Any) -> bytes | None:
    if type(value) is not list:
        return None
    try:
        return bytes(value)
    except (TypeError, ValueError):
        return None
