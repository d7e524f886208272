"""What a streamed choice holds besides plain texts and calls of tools: reasoning in parts, audio,
annotations, log-probabilities, whatever else a provider sends.

Nothing is written into such values. A value waits until every text in it may go on, and what was to be
rewritten is dropped, the whole value.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dataplane.errors import Refused
from dataplane.findings import Origin, Place, Text
from dataplane.inspection_ports import Guard
from dataplane.ports import UpstreamFailed
from dataplane.surfaces.chat_stream_text import Channel, Piece
from dataplane.surfaces.encoded_text import add_encoded_texts
from dataplane.surfaces.json_texts import API_WORDS, add_names

MAX_WAITING: Final = 4096
"""Values of one choice that wait; a word with twenty alternatives is one."""

MAX_CHANNELS: Final = 256
"""Places with texts in the values of one choice."""

_NAMED: Final = (("type",), ("role",), ("object",), ("format",), ("status",), ("id",))
"""Ends of the places where a value is called by a name, which comes whole: nothing goes on where it ended."""

Need = tuple[Channel, int, int]
"""A range of a channel's text."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A value, where it goes and the texts that it waits for."""

    key: Any
    value: Any
    needs: tuple[Need, ...]

    @property
    def ready(self) -> bool:
        """Whether all of its texts have gone on."""
        return all(channel.gone >= end for channel, _, end in self.needs)

    @property
    def spoiled(self) -> bool:
        """Whether some of its texts were rewritten on their way."""
        return any(channel.spoiled(start, end) for channel, start, end in self.needs)


class Channels:
    """The channels of a choice, by what they are the text of."""

    __slots__ = ("_by_key", "_guard")

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._by_key: dict[Any, Channel] = {}

    def of(self, key: Any, origin: Origin) -> Channel:
        """The channel of a key, begun if it is new. Raises `UpstreamFailed` where there are too many."""
        channel = self._by_key.get(key)
        if channel is None:
            if len(self._by_key) == MAX_CHANNELS:
                raise UpstreamFailed(
                    Refused("gateway.upstream_invalid", "The provider sent too many kinds of text.")
                )
            channel = self._by_key[key] = Channel(self._guard, origin)
        return channel

    @property
    def holds(self) -> bool:
        """Whether any of them holds text back."""
        return any(channel.holds for channel in self._by_key.values())

    def pieces(self, step: Callable[[Channel], Piece]) -> list[tuple[Any, Piece]]:
        """What a step (`Channel.relax`, `Channel.end`) frees of those that hold some, by key."""
        return [(key, step(channel)) for key, channel in self._by_key.items() if channel.holds]


class Queue:
    """Values in the order in which they came."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: Any, value: Any, needs: Sequence[Need]) -> None:
        """Let a value wait. Raises `UpstreamFailed` where too many do."""
        if len(self._waiting) == MAX_WAITING:
            raise UpstreamFailed(
                Refused("gateway.upstream_invalid", "The provider sent too much that belongs together.")
            )
        self._waiting.append(Waiting(key, value, tuple(needs)))

    def release(self) -> list[tuple[Any, Any]]:
        """Those that need wait no longer, with their keys, but none before one that must; not the spoiled."""
        freed = []
        while self._waiting and self._waiting[0].ready:
            one = self._waiting.popleft()
            if not one.spoiled:
                freed.append((one.key, one.value))
        return freed


class Rest:
    """Members of a choice, or of its delta, that are neither plain text nor calls of tools."""

    __slots__ = ("_channels", "_guard", "_queue", "unread_bytes")

    def __init__(self, channels: Channels, guard: Guard) -> None:
        self._channels = channels
        self._guard = guard
        self._queue = Queue()
        self.unread_bytes = 0

    def take(self, key: tuple[str, str], value: Any, origin: Origin) -> list[Piece] | None:
        """Let a value wait that stands at `key` (of the choice or of its delta); what its texts free. None
        where it holds no text, so that it need not wait."""
        texts: list[Text] = []
        self.unread_bytes += _add_pieces(value, origin, (), texts)
        if not texts and not len(self._queue):
            return None
        pieces, needs = self.feed(key, texts)
        self._queue.add(key, value, needs)
        return pieces

    def feed(self, key: Any, texts: Sequence[Text]) -> tuple[list[Piece], list[Need]]:
        """Pass texts on, each as what goes on at its place; what that frees, and what waits for it."""
        pieces: list[Piece] = []
        needs: list[Need] = []
        for text in texts:
            if text.place is not None and text.place[-1:] in _NAMED:
                channel = Channel(self._guard, text.origin)
                pieces += [channel.feed(text.text), channel.end()]
                needs.append((channel, 0, channel.came))
                continue
            channel = self._channels.of((key, _sort_of(text.place)), text.origin)
            start = channel.came
            if text.origin is Origin.OTHER:
                pieces += channel.feed_value(text.text)
            else:
                pieces.append(channel.feed(text.text))
            needs.append((channel, start, channel.came))
        return pieces, needs

    def release(self) -> list[tuple[Any, Any]]:
        """Keys and values that go on now."""
        return self._queue.release()


def _add_pieces(value: Any, origin: Origin, place: Place, texts: list[Text]) -> int:
    """As `add_encoded_texts`; a word of the API is left out only where the API has it, since anywhere else it
    may be a piece of a text."""
    if type(value) is dict:
        add_names(value, origin, texts)
        return sum([_add_pieces(item, origin, (*place, key), texts) for key, item in value.items()])
    if type(value) is list:
        return sum([_add_pieces(item, origin, (*place, at), texts) for at, item in enumerate(value)])
    if type(value) is str and value in API_WORDS:
        if place[-1:] not in _NAMED:
            texts.append(Text(text=value, origin=origin, place=place))
        return 0
    return add_encoded_texts(value, origin, place, texts)


def _sort_of(place: Place | None) -> Place | None:
    """A place without the number in the first list on the way: each chunk's list goes on where the one before
    it ended, and begins to count anew."""
    if place is None:
        return None
    for at, step in enumerate(place):
        if type(step) is int:
            return (*place[:at], "*", *place[at + 1 :])
    return place
