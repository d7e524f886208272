"""What stands in the texts of one document.

1. Texts that go on in one another are joined; long ones are looked at in pieces that overlap.
2. Each piece is read in all its views (`views`), each view scanned once for all patterns.
3. Recognizers make candidates of their own patterns' hits; thresholds of the table make levels of scores.
4. Spans go back to the texts as they came; what was found twice is merged (`merge`).
5. The whole gets a risk and a class of data (`risk`).

What fails or takes too long is a finding `inspection.failed`, so that policy can refuse it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from dataplane.findings import NOTHING_FOUND, Finding, Inspection, Level, Origin, Text, failure
from dataplane.inspection.catalogue import Family, families
from dataplane.inspection.digests import digest_with
from dataplane.inspection.engine import Engine
from dataplane.inspection.joined import Joined, Piece, batches, joined, pieces
from dataplane.inspection.merge import Found, merged
from dataplane.inspection.recognizer import PAUSE, Hit
from dataplane.inspection.risk import Weighing
from dataplane.inspection.view import View
from dataplane.inspection.views import PATTERNS, hides, prepare, views

TURN_S: Final = 0.002
"""Seconds of work after which other calls have their turn: about the time that a call takes in all."""

DEADLINE_MS: Final = 1_000
"""Milliseconds of a processor for the texts of one document, where the table says nothing."""

MAX_CHARACTERS: Final = 2_000_000
"""Characters of one document that are looked at, where the table says nothing."""

AT_ONCE: Final = 256
"""Findings that are made without a turn of others: a millisecond or two."""

FEWEST: Final = 4
"""Short texts in a row that are worth a scan together."""

_APART: Final = {"toxicity.aimed_insult_mild": "letters"}
"""Patterns that begin with many words of ordinary text and go on without end: searched with the guard of
spaced letters, the scan takes an eighth less than with them beside all others."""

_BETWEEN: Final = "\n\n"
_SETTINGS: Final = frozenset({"deadline_ms", "max_characters", "risk", "data_class"})

_log = logging.getLogger("regogate.inspection")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is looked at, and for how long."""

    deadline_s: float = DEADLINE_MS / 1000
    max_characters: int = MAX_CHARACTERS


class Inspector:
    """Implements `ports.Detector` but for redaction and streams, which `detector` adds."""

    def __init__(
        self,
        revision: str,
        found_by: Sequence[Family],
        *,
        key: bytes,
        weighing: Weighing,
        bounds: Bounds,
        hyperscan: bool | None = None,
    ) -> None:
        """Compiles all patterns, which takes seconds: not on a loop that serves. Digests of findings are
        made with `key`. Raises `ValueError` for patterns that cannot be used."""
        self.revision = revision
        self.families: Final = tuple(found_by)
        patterns = [pattern for family in found_by for pattern in family.recognizer.patterns]
        self.engine: Final = Engine(
            [*PATTERNS, *(replace(each, apart=_APART.get(each.id, each.apart)) for each in patterns)],
            hyperscan=hyperscan,
        )
        self._owner: Final = {
            pattern.id: index
            for index, family in enumerate(self.families)
            for pattern in family.recognizer.patterns
        }
        prepare()
        self._digest: Final = digest_with(key)
        self._weighing: Final = weighing
        self._bounds: Final = bounds

    async def look(self, texts: Sequence[Text]) -> Inspection:
        """See `ports.Detector`."""
        if not self.families:
            return NOTHING_FOUND
        findings: list[Finding] = []
        unread = 0
        left = self._bounds.max_characters
        worked, turn, began = 0.0, time.perf_counter(), time.thread_time()
        longest = min(TURN_S, self._bounds.deadline_s)
        documents: list[Joined] = []
        for document in joined(texts):
            if len(document.text) > left:
                document, beyond = document.cut(left)
                unread += beyond
            left -= len(document.text)
            if document.text:
                documents.append(document)
        for document, hits in self._telling(documents):
            found: list[Found] = []
            failed = False
            for piece, step in self._steps(document, found, hits):
                failed |= step
                if time.perf_counter() - turn <= longest:
                    continue
                # What others do with the processor meanwhile is no work of ours; asked for once a turn, as
                # this clock takes ten times as long to read.
                worked += time.thread_time() - began
                if worked > self._bounds.deadline_s:
                    unread += len(document.text[piece.at :].encode("utf-8", "replace"))
                    failed = True
                    break
                await asyncio.sleep(0)
                turn, began = time.perf_counter(), time.thread_time()
            kept = merged(found) if found else []
            for at in range(0, len(kept), AT_ONCE):
                if time.perf_counter() - turn > longest:
                    worked += time.thread_time() - began
                    await asyncio.sleep(0)
                    turn, began = time.perf_counter(), time.thread_time()
                findings += self._findings(document, kept[at : at + AT_ONCE])
            if failed:
                findings.append(failure(document.origin, *document.spans(0, 0)))
        if not findings and not unread:
            return NOTHING_FOUND
        return Inspection(
            findings=tuple(findings),
            risk=self._weighing.risk(findings),
            data_class=self._weighing.data_class(findings),
            unread_bytes=unread,
        )

    def at_once(self, texts: Sequence[Text]) -> Inspection:
        """`look` without turns, for a program that has nothing else to do."""
        looking = self.look(texts)
        try:
            while True:
                looking.send(None)  # only ever waits for its turn
        except StopIteration as done:
            seen: Inspection = done.value
            return seen

    def candidates(self, text: str, origin: Origin) -> Sequence[Finding]:
        """What is found in one short text, at once; spans are of text 0. Raises nothing."""
        if not self.families:
            return []
        document = Joined(text=text, origin=origin, starts=(0,), indices=(0,))
        found: list[Found] = []
        failed = sum(step for _, step in self._steps(document, found)) > 0
        findings = self._findings(document, merged(found)) if found else []
        return [*findings, failure(document.origin, *document.spans(0, 0))] if failed else findings

    def has_views(self, text: str) -> bool:
        """Whether `text` may be read in another way than as it stands, by a recognizer that there is."""
        if not self.families:
            return False
        return any(hit.pattern not in self._owner for hit in self.engine.scan(text)) or hides(text)

    def _telling(self, documents: Sequence[Joined]) -> Iterator[tuple[Joined, Sequence[Hit] | None]]:
        """The documents in which something may be found, those that need no other view with their hits. A
        request with tools has dozens of short texts: one scan of them together says what is in them."""
        if len(documents) < FEWEST:
            yield from ((document, None) for document in documents)
            return
        for batch in batches(documents):
            if len(batch) < FEWEST:
                yield from ((document, None) for document in batch)
                continue
            text = _BETWEEN.join([document.text for document in batch])
            try:
                hits = self.engine.scan(text)
                hidden = hides(text)
            except Exception as error:  # noqa: BLE001  each is looked at by itself, where it is told
                _tell("batch", error)
                hits, hidden = [], True
            if hidden:
                yield from ((document, None) for document in batch)
                continue
            if not hits:
                continue
            at = 0
            for document in batch:
                end = at + len(document.text)
                touching = [hit for hit in hits if hit.start <= end and at <= hit.end]
                if touching:
                    yield document, self._own(touching, at, end, len(document.starts))
                at = end + len(_BETWEEN)

    def _own(self, hits: Sequence[Hit], start: int, end: int, parts: int) -> Sequence[Hit] | None:
        """What a scan of a text by itself would give, from hits in a longer one where it is `start` to `end`;
        None where it may give others, or where there is more than the text as it stands to be read."""
        if parts > 1 or any(
            hit.pattern not in self._owner or hit.start < start or hit.end > end for hit in hits
        ):
            return None
        return [Hit(hit.pattern, hit.start - start, hit.end - start) for hit in hits]

    def _steps(
        self, document: Joined, found: list[Found], hits: Sequence[Hit] | None = None
    ) -> Iterator[tuple[Piece, bool]]:
        """Add to `found` what is in the document, recognizer by recognizer of view by view of piece by piece;
        whether the step failed."""
        for piece in pieces(document):
            yield piece, False
            try:
                read = views(piece.text, self.engine.scan) if hits is None else [(View(piece.text), hits)]
                for view, its_hits in read:
                    yield piece, False
                    if its_hits:
                        for failed in self._recognize(view, its_hits, piece, document.origin, found):
                            yield piece, failed
            except Exception as error:  # noqa: BLE001  whatever fails is told to policy as a failed inspection
                _tell("views", error)
                yield piece, True

    def _recognize(
        self, view: View, hits: Sequence[Hit], piece: Piece, origin: Origin, found: list[Found]
    ) -> Iterator[bool]:
        """Add to `found` what each recognizer finds, and say whether it failed: one, or what it does
        between two pauses, is a turn's work."""
        owner = self._owner
        own: dict[int, list[Hit]] = {}
        for hit in hits:
            index = owner.get(hit.pattern)
            if index is not None:
                if index in own:
                    own[index].append(hit)
                else:
                    own[index] = [hit]
        for index, its_hits in own.items():
            failed = False
            family = self.families[index]
            if not (view.faithful or family.guesses) or (
                view.depth and family.attack and _sure(family, found)
            ):
                continue
            try:
                for candidate in family.recognizer.recognize(view.text, its_hits, origin):
                    if candidate.score < 1:
                        if candidate is PAUSE:
                            yield False
                        continue
                    start, end = view.origin(candidate.start, candidate.end)
                    start, end = piece.locate(start + piece.at, end + piece.at)
                    level = family.level(candidate.score)
                    found.append(Found(candidate.kind, level, candidate.score, start, end, view.depth))
            except Exception as error:  # noqa: BLE001  see above; what the others find is told all the same
                _tell(family.name, error)
                failed = True
            yield failed

    def _findings(self, document: Joined, found: Sequence[Found]) -> list[Finding]:
        return [
            Finding(
                kind=each.kind,
                level=each.level,
                score=each.score,
                origin=document.origin,
                spans=document.spans(each.start, each.end),
                digest=self._digest(document.text[each.start : each.end]),
            )
            for each in found
        ]


def make_inspector(
    revision: str, table: Mapping[str, Any], *, key: bytes, hyperscan: bool | None = None
) -> Inspector:
    """The inspector of a `detectors` table. Takes seconds: to be called off the loop. Raises
    `ValueError` for a table that cannot be used."""
    row = table.get("inspection", {})
    if not isinstance(row, Mapping) or not set(row) <= _SETTINGS:
        raise ValueError("inspection: not a row of settings")
    return Inspector(
        revision,
        families(table),
        key=key,
        weighing=Weighing(row),
        bounds=Bounds(
            deadline_s=_whole(row, "deadline_ms", DEADLINE_MS) / 1000,
            max_characters=_whole(row, "max_characters", MAX_CHARACTERS),
        ),
        hyperscan=hyperscan,
    )


def _whole(row: Mapping[str, Any], name: str, default: int) -> int:
    value = row.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"inspection: {name} is not a whole number above 0")
    return value


def _sure(family: Family, found: Sequence[Found]) -> bool:
    """Whether what other views may hold makes no difference any more: one sure attack is as good as two."""
    return any(each.kind == family.name and each.level is Level.HIGH for each in found)


def _tell(what: str, error: Exception) -> None:
    # The text of an unexpected error may quote what was looked at: its type only.
    _log.error("inspection failed", extra={"recognizer": what, "error_type": type(error).__name__})
