"""What the rows `advisors` of `detectors.yaml` make of an advisor's opinions: findings of whole texts."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dataplane.findings import Finding, Origin, Span, Text, failures
from dataplane.inspection.advisor import Advisor, AdvisorFailed, Opinion
from dataplane.inspection.catalogue import HIGH, MEDIUM, level
from dataplane.inspection.digests import Digest
from dataplane.inspection.joined import Joined, joined

ROW: Final = "advisors"
"""The row's name in the table: rows by the names that the settings give to advisors."""

MAX_CHARACTERS: Final = 200_000
"""Of one request or answer that an advisor is asked about, 50,000 tokens; more of it is no opinion."""

_log = logging.getLogger("regogate.inspection")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One row: which texts the advisor is asked about, and what its labels mean.

    `waits` says that policy decides with its opinion. Where that is so, `required` says that no opinion is a
    failed inspection, and `streams` that text which is streamed passes without one.
    """

    name: str
    advisor: Advisor
    origins: frozenset[Origin]
    kinds: Mapping[str, str]
    waits: bool
    required: bool = True
    streams: bool = False
    medium: int = MEDIUM
    high: int = HIGH

    def concerns(self, texts: Sequence[Text]) -> bool:
        """Whether it is asked about any of them."""
        return any(text.origin in self.origins and not _blank(text.text) for text in texts)

    async def findings(self, texts: Sequence[Text], shown: Sequence[Text], digest: Digest) -> list[Finding]:
        """What the advisor says of `texts`, of which it is shown `shown`. Raises `AdvisorFailed`."""
        documents = [one for one in joined(shown) if one.origin in self.origins and not _blank(one.text)]
        if sum(len(one.text) for one in documents) > MAX_CHARACTERS:
            raise AdvisorFailed(f"more than {MAX_CHARACTERS} characters")
        opinions = await self.advisor.assess([_as_read(one) for one in documents])
        found: list[Finding] = []
        for document, opinion in zip(documents, opinions, strict=True):
            spans = tuple(Span(index, 0, len(texts[index].text)) for index in document.indices)
            said = digest("\n".join(texts[index].text for index in document.indices))
            for kind, score in self._scores(opinion).items():
                found.append(
                    Finding(
                        kind=kind,
                        level=level(score, self.medium, self.high),
                        score=score,
                        origin=document.origin,
                        spans=tuple(span for span in spans if span.end) or spans[:1],
                        digest=said,
                    )
                )
        return found

    def failed(self, texts: Sequence[Text]) -> list[Finding]:
        """What is found where there is no opinion."""
        return [one for one in failures(texts) if one.origin in self.origins]

    def _scores(self, opinion: Opinion) -> dict[str, int]:
        most: dict[str, int] = {}
        for label, kind in self.kinds.items():
            score = opinion.get(label)
            if score is None:
                raise AdvisorFailed(f"its answer says nothing of {label}")
            if score >= 1:
                most[kind] = max(score, most.get(kind, 0))
        return most


def advices(table: Mapping[str, Any], advisors: Mapping[str, Advisor]) -> list[Advice]:
    """The rows that are not off. Raises `ValueError` for one that cannot be used.

    A row whose advisor the settings do not have is one that never has an opinion.
    """
    rows = table.get(ROW, {})
    if not isinstance(rows, Mapping):
        raise ValueError(f"{ROW}: not rows by name")
    return list(_advices(rows, advisors))


def _advices(rows: Mapping[str, Any], advisors: Mapping[str, Advisor]) -> Iterator[Advice]:
    for name, row in rows.items():
        try:
            mode = row["mode"]
            if mode == "off":
                continue
            advice = Advice(
                name=name,
                advisor=advisors.get(name, ABSENT),
                origins=frozenset(Origin(origin) for origin in row["origins"]),
                kinds=dict(row["kinds"]),
                waits={"inline": True, "async": False}[mode],
                required={"failed": True, "ignore": False}[row.get("failure", "failed")],
                streams={"pass": True, "refuse": False}[row.get("streams", "refuse")],
                medium=row.get("medium", MEDIUM),
                high=row.get("high", HIGH),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{ROW}: {name}: not a row of an advisor ({type(error).__name__})") from None
        if name not in advisors:
            _log.error("the settings have no such advisor", extra={"advisor": name})
        yield advice


class _Absent:
    async def assess(self, texts: Sequence[str]) -> Sequence[Opinion]:
        raise AdvisorFailed("the settings have no such advisor")

    async def close(self) -> None:
        return None


ABSENT: Final[Advisor] = _Absent()


def _as_read(document: Joined) -> str:
    apart = document.apart() if len(document.starts) > 1 else None
    return document.text if apart is None else apart[0]


def _blank(text: str) -> bool:
    return not text or text.isspace()
