"""Log-probabilities of a streamed choice: tokens said again, with those that might have been said.

A token waits until what it says may go on as the message's own text, and its alternatives as texts of their
own. Where the text was rewritten, its tokens are dropped.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any, Final

from dataplane.findings import Origin, Text
from dataplane.surfaces.chat_stream_rest import Channels, Need, Queue, Rest
from dataplane.surfaces.chat_stream_text import Channel, Piece
from dataplane.surfaces.json_texts import add_texts
from dataplane.surfaces.logprob_texts import is_plain

_MAX_BYTE: Final = 255

KEYS: Final = ("content", "refusal")
"""Members of `logprobs` that the API has. Of any other the name is a text, too, and it waits as a whole."""


class Logprobs:
    """Those of one choice."""

    __slots__ = ("_bytes", "_channels", "_pieces", "_queue", "_rest")

    def __init__(self, channels: Channels, rest: Rest) -> None:
        self._channels = channels
        self._rest = rest
        self._queue = Queue()
        self._bytes: dict[Any, codecs.IncrementalDecoder] = {}
        self._pieces: list[Piece] = []

    def take(self, logprobs: Mapping[str, Any], said: Mapping[str, tuple[Channel, str]]) -> list[Piece]:
        """Let the tokens of a chunk wait; what their texts free. `said` are the chunk's texts by their names,
        which have been fed to their channels already."""
        self._pieces = []
        for key, entries in logprobs.items():
            if key not in KEYS:
                self._queue.add((key, None), entries, self._others(key, {key: entries}))
            elif type(entries) is list:
                self._take(key, entries, said.get(key))
            elif entries is not None:
                self._queue.add((key, None), entries, self._others(key, entries))
        return self._pieces

    def release(self) -> dict[str, Any]:
        """What goes on now, in the form of a chunk's `logprobs`; empty where nothing does."""
        freed: dict[str, Any] = {}
        for (key, many), value in self._queue.release():
            if many:
                freed.setdefault(key, []).append(value)
            elif type(value) is list:
                freed[key] = [*freed.get(key, ()), *value]
            else:
                freed[key] = value
        return freed

    def _take(self, key: str, entries: list[Any], said: tuple[Channel, str] | None) -> None:
        tokens = [_token(entry) for entry in entries]
        at = None
        if said is not None and "".join(tokens) == said[1]:
            at = said[0].came - len(said[1])
        for entry, token in zip(entries, tokens, strict=True):
            needs: list[Need] = []
            if at is not None and said is not None:
                needs.append((said[0], at, at + len(token)))
                at += len(token)
            self._add(entry, (key, 0), needs, known=at is not None)
            if type(entry) is dict and type(ranks := entry.get("top_logprobs")) is list:
                for rank, one in enumerate(ranks):
                    self._add(one, (key, rank + 1), needs, known=False)
            self._queue.add((key, "token"), entry, needs)

    def _add(self, entry: Any, key: tuple[str, int], needs: list[Need], *, known: bool) -> None:
        """What one token says; `known` says that the message says it too."""
        if type(entry) is not dict:
            needs += self._others(key, entry)
            return
        token, raw = entry.get("token"), _bytes(entry.get("bytes"))
        if type(token) is str and not known:
            needs.append(self._feed(("token", *key), token))
        if raw is not None and (type(token) is not str or raw != token.encode("utf-8", "surrogatepass")):
            needs.append(self._feed(("bytes", *key), self._decoder(key).decode(raw)))
        rest = {name: value for name, value in entry.items() if not _is_read(name, value, rank=key[1])}
        if rest:
            needs += self._others(key, rest)

    def _feed(self, key: Any, text: str) -> Need:
        channel = self._channels.of(("logprobs", key), Origin.OUTPUT)
        start = channel.came
        self._pieces.append(channel.feed(text))
        return channel, start, channel.came

    def _others(self, key: Any, value: Any) -> list[Need]:
        texts: list[Text] = []
        add_texts(value, Origin.OTHER, (), texts)
        pieces, needs = self._rest.feed(("logprobs", key), texts)
        self._pieces += pieces
        return needs

    def _decoder(self, key: Any) -> codecs.IncrementalDecoder:
        if key not in self._bytes:
            self._bytes[key] = codecs.getincrementaldecoder("utf-8")("replace")
        return self._bytes[key]


def _token(entry: Any) -> str:
    token = entry.get("token") if type(entry) is dict else None
    return token if type(token) is str else ""


def _is_read(name: str, value: Any, *, rank: int) -> bool:
    """Whether a member of an entry is read as what it should be, or is nothing that can be a text."""
    match name:
        case "token":
            return type(value) is str
        case "bytes":
            return value is None or _bytes(value) is not None
        case "top_logprobs":
            return value is None or (rank == 0 and type(value) is list)
        case "logprob":
            return is_plain(value)
        case _:
            return False


def _bytes(value: Any) -> bytes | None:
    if type(value) is list and all(type(one) is int and 0 <= one <= _MAX_BYTE for one in value):
        return bytes(value)
    return None
