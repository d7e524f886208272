"""Texts that go on in one another as one text, long ones in pieces."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from dataplane.findings import Origin, Span, Text
from dataplane.frozen import quick_init
from dataplane.inspection.view import Locate, as_written, edit_map

PIECE: Final = 16_384
"""Code points looked at as one: some milliseconds at the most."""

SHORT: Final = 512
"""Code points of a text that may be looked at first together with others: names, schemas, short messages."""

BATCH: Final = 4_096
"""Code points of texts that are looked at together."""

OVERLAP: Final = 4_096
"""Code points that two pieces share. No match is longer but that of delimited secrets, and the longest of
those in use, a private RSA key of 4,096 bits, takes 3,300."""


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """One text that is read as a whole: `starts` says where in it the texts with these `indices` begin."""

    text: str
    origin: Origin
    starts: tuple[int, ...]
    indices: tuple[int, ...]

    def spans(self, start: int, end: int) -> tuple[Span, ...]:
        """The stretches of the texts it was joined of that `start` to `end` covers."""
        starts = self.starts
        if len(starts) == 1:
            return (Span(self.indices[0], start, end),)
        part = max(0, bisect_right(starts, start) - 1)
        spans: list[Span] = []
        while True:
            begin = starts[part]
            past = starts[part + 1] if part + 1 < len(starts) else len(self.text)
            spans.append(Span(self.indices[part], max(start, begin) - begin, min(end, past) - begin))
            part += 1
            if part == len(starts) or starts[part] >= end:
                return tuple(span for span in spans if span.start < span.end) or tuple(spans[:1])

    def apart(self) -> tuple[str, Locate] | None:
        """The text with a line's end between its parts, and where its parts came from; None where blanks are
        between them anyway. One may go on within a word of another, or with the next word."""
        edits = [
            (start, start, "\n")
            for start in self.starts[1:]
            if 0 < start < len(self.text)
            and not (self.text[start - 1].isspace() or self.text[start].isspace())
        ]
        if not edits:
            return None
        pieces = [
            self.text[begin:end] for begin, end in pairwise((0, *(edit[0] for edit in edits), len(self.text)))
        ]
        return "\n".join(pieces), edit_map(edits)

    def cut(self, length: int) -> tuple[Joined, int]:
        """Its first `length` code points, and how many bytes of UTF-8 the rest has."""
        beyond = len(self.text[length:].encode("utf-8", "replace"))
        parts = max(1, bisect_right(self.starts, length - 1))
        return (
            Joined(
                text=self.text[:length],
                origin=self.origin,
                starts=self.starts[:parts],
                indices=self.indices[:parts],
            ),
            beyond,
        )


def joined(texts: Sequence[Text]) -> Iterator[Joined]:
    """The texts of a document, those that follow another of the same origin together with it."""
    at, count = 0, len(texts)
    while at < count:
        first = texts[at]
        past = at + 1
        while past < count and texts[past].follows and texts[past].origin is first.origin:
            past += 1
        if past == at + 1:
            yield Joined(text=first.text, origin=first.origin, starts=(0,), indices=(at,))
        else:
            starts, length = [], 0
            for text in texts[at:past]:
                starts.append(length)
                length += len(text.text)
            yield Joined(
                text="".join(text.text for text in texts[at:past]),
                origin=first.origin,
                starts=tuple(starts),
                indices=tuple(range(at, past)),
            )
        at = past


def batches(documents: Iterable[Joined]) -> Iterator[list[Joined]]:
    """Documents in order, short ones that stand together in one batch."""
    batch: list[Joined] = []
    length = 0
    for document in documents:
        if len(document.text) > SHORT or length + len(document.text) > BATCH:
            if batch:
                yield batch
            batch, length = [], 0
        if len(document.text) > SHORT:
            yield [document]
        else:
            batch.append(document)
            length += len(document.text)
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a joined text that is looked at as one: `at` is where it begins, `locate` maps a range of it,
    moved by `at`, to one of the joined text."""

    text: str
    at: int
    locate: Locate = as_written


def pieces(document: Joined) -> Iterator[Piece]:
    """What is to be looked at so that all of a document is."""
    if len(document.text) <= PIECE:
        yield Piece(document.text, 0)
    else:
        yield from _cut(document.text, as_written)
    if len(document.starts) > 1 and (apart := document.apart()) is not None:
        yield from _cut(*apart)


def _cut(text: str, locate: Locate) -> Iterator[Piece]:
    at = 0
    while True:
        yield Piece(text[at : at + PIECE], at, locate)
        if at + PIECE >= len(text):
            return
        at += PIECE - OVERLAP
