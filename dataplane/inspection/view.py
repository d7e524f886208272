"""A view: a text as a reader who sees through one trick would read it, and where its parts came from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

Locate = Callable[[int, int], tuple[int, int]]
"""From a half-open range of a view, never empty, to the range of its parent that it was read from."""

Edit = tuple[int, int, str]
"""A half-open range of a text, and what is read in its place."""


class View:
    """One reading of a text. `ascii` is the text with `?` for what is not ASCII, so that guards can look at
    it as bytes. `trick` names what was seen through, "" for the text as it came.

    `faithful` says that what it reads is there in that order: numbers and keys found in it are real. What
    an unfaithful view reads is a guess, good enough for words.
    """

    __slots__ = ("_locate", "ascii", "depth", "faithful", "parent", "text", "trick")

    def __init__(
        self,
        text: str,
        parent: View | None = None,
        locate: Locate | None = None,
        *,
        trick: str = "",
        faithful: bool = True,
    ) -> None:
        self.text = text
        self.ascii: bytes = text.encode("ascii", "replace")
        self.parent = parent
        self.trick = trick
        self.faithful: bool = faithful and (parent is None or parent.faithful)
        self.depth: int = 0 if parent is None else parent.depth + 1
        self._locate = locate

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The range of the text as it came, in code points, that `start` to `end` was read from."""
        view: View | None = self
        while view is not None:
            if view._locate is not None:
                start, end = view._locate(start, end)
            view = view.parent
        return start, end


def edited(parent: View, edits: Sequence[Edit], *, trick: str, faithful: bool = True) -> View:
    """The view with `edits`, which are in order and apart, made in the parent's text."""
    pieces: list[str] = []
    at = 0
    text = parent.text
    for start, end, instead in edits:
        pieces.append(text[at:start])
        pieces.append(instead)
        at = end
    pieces.append(text[at:])
    return View("".join(pieces), parent, edit_map(edits), trick=trick, faithful=faithful)


def edit_map(edits: Sequence[Edit]) -> Locate:
    """Where ranges of an edited text were read from; costs nothing until it is asked."""
    begins: list[int] = []
    ends: list[int] = []

    def prepare() -> None:
        moved = 0
        for start, end, instead in edits:
            begins.append(start + moved)
            ends.append(start + moved + len(instead))
            moved += len(instead) - (end - start)

    def locate(start: int, end: int) -> tuple[int, int]:
        if not begins:
            prepare()
        return at(start, 0), at(end - 1, 1)

    def at(position: int, past: int) -> int:
        """The parent's position of one character, or `past` it."""
        last = bisect_right(begins, position) - 1
        if last < 0:
            return position + past
        if position < ends[last]:
            return edits[last][1] if past else edits[last][0]
        return position - ends[last] + edits[last][1] + past

    return locate


def taken_from(positions: Sequence[int]) -> Locate:
    """The map of a text whose character `i` is the parent's character `positions[i]`."""

    def locate(start: int, end: int) -> tuple[int, int]:
        taken = positions[start:end]
        return min(taken), max(taken) + 1

    return locate


def within(start: int, end: int) -> Locate:
    """The map of a text that was decoded from one stretch: any part of it comes from all of that."""
    return lambda _start, _end: (start, end)


def mirrored(length: int) -> Locate:
    """The map of a text of `length` read from its end."""
    return lambda start, end: (length - end, length - start)


def as_written(start: int, end: int) -> tuple[int, int]:
    """The map of a text that is as long as its parent, character for character."""
    return start, end


def distinct(edits: Iterable[Edit]) -> list[Edit]:
    """`edits` in order, without those that overlap one before."""
    kept: list[Edit] = []
    for edit in sorted(edits):
        if not kept or edit[0] >= kept[-1][1]:
            kept.append(edit)
    return kept
