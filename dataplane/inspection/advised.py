"""A detector with advisors beside it: opinions of whole texts join what its patterns find.

1. The texts are looked at; personal data and secrets are hidden in what advisors are shown. Where that
   failed they are shown nothing, and there is no opinion.
2. Advisors that policy waits for are asked, all at once; what they say joins the findings.
3. Those that it does not wait for are asked beside the call; `Inspection.later` tells what they said.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dataplane.findings import Finding, Inspection, Origin, Span, Text, failure, selects
from dataplane.inspection.advice import Advice, advices
from dataplane.inspection.advisor import Advisor, AdvisorFailed
from dataplane.inspection.detector import make_detector
from dataplane.inspection.digests import digest_with
from dataplane.inspection.risk import Weighing
from dataplane.inspection_ports import Detector, Passed, Redactor, TextStream
from dataplane.kept_content import HIDDEN, hidden_in

Later = asyncio.Task[tuple[Finding, ...]]
Spawns = Callable[[Coroutine[Any, Any, tuple[Finding, ...]]], Later]
Told = Callable[[str, str], None]
"""Hears of each finding: the advisor's name and the kind."""

_log = logging.getLogger("regogate.inspection")


class AdvisedDetector:
    """Implements `ports.Detector`."""

    def __init__(
        self,
        inner: Detector,
        advised_by: Sequence[Advice],
        *,
        key: bytes,
        weighing: Weighing,
        spawns: Spawns,
        told: Told,
    ) -> None:
        """`spawns` starts what outlives a call, and ends it with the gateway."""
        self.revision = inner.revision
        self.finds = True
        self._inner = inner
        self._digest = digest_with(key)
        self._weighing = weighing
        self._spawns = spawns
        self._told = told
        self._inline = [one for one in advised_by if one.waits]
        self._beside = [one for one in advised_by if not one.waits]

    async def look(self, texts: Sequence[Text]) -> Inspection:
        """See `ports.Detector.look`."""
        seen = await self._inner.look(texts)
        inline = [one for one in self._inline if one.concerns(texts)]
        beside = [one for one in self._beside if one.concerns(texts)]
        if not inline and not beside:
            return seen
        shown = self._shown(texts, seen)
        if beside:
            seen = replace(seen, later=self._spawns(self._later(beside, texts, shown)))
        if not inline:
            return seen
        said = await asyncio.gather(*(self._said(one, texts, shown) for one in inline))
        found = [finding for each in said for finding in each]
        if not found:
            return seen
        findings = (*seen.findings, *found)
        return replace(
            seen,
            findings=findings,
            risk=self._weighing.risk(findings),
            data_class=self._weighing.data_class(findings),
        )

    def redactor(self) -> Redactor:
        """See `ports.Detector.redactor`."""
        return self._inner.redactor()

    def stream(self, origin: Origin, kinds: Sequence[str]) -> TextStream:
        """See `ports.Detector.stream`. Advisors judge whole texts: one that policy waits for gives a failed
        inspection of a text that is streamed, unless its row lets that pass."""
        inner = self._inner.stream(origin, kinds)
        for one in self._inline:
            asked = any(selects(kinds, kind, origin) for kind in one.kinds.values())
            if asked and one.required and not one.streams and origin in one.origins:
                return _Unjudged(inner, origin)
        return inner

    def _shown(self, texts: Sequence[Text], seen: Inspection) -> Sequence[Text] | None:
        instead = hidden_in(texts, seen, self._inner, HIDDEN)
        if not instead:
            return None if instead is None else texts
        return [
            replace(text, text=instead[index]) if index in instead else text
            for index, text in enumerate(texts)
        ]

    async def _said(
        self, advice: Advice, texts: Sequence[Text], shown: Sequence[Text] | None
    ) -> Sequence[Finding]:
        try:
            if shown is None:
                raise AdvisorFailed("the texts were not looked at, so that nothing could be hidden in them")
            found = await advice.findings(texts, shown, self._digest)
        except AdvisorFailed as failure:
            _log.debug("no opinion", extra={"advisor": advice.name, "why": str(failure)})
            return advice.failed(texts) if advice.waits and advice.required else ()
        for one in found:
            self._told(advice.name, one.kind)
        return found

    async def _later(
        self, beside: Sequence[Advice], texts: Sequence[Text], shown: Sequence[Text] | None
    ) -> tuple[Finding, ...]:
        said = await asyncio.gather(*(self._said(one, texts, shown) for one in beside))
        return tuple(finding for each in said for finding in each)


class _Unjudged:
    """Implements `ports.TextStream`: what another one gives, with a failed inspection before any of it."""

    def __init__(self, inner: TextStream, origin: Origin) -> None:
        self._inner = inner
        self._before: tuple[Finding, ...] = (failure(origin, Span(0, 0, 0)),)

    @property
    def holds(self) -> bool:
        return self._inner.holds

    def feed(self, text: str) -> Passed:
        return self._with(self._inner.feed(text))

    def relax(self) -> Passed:
        return self._with(self._inner.relax())

    def end(self) -> Passed:
        return self._with(self._inner.end())

    def _with(self, passed: Passed) -> Passed:
        before, self._before = self._before, ()
        return Passed(passed.text, (*before, *passed.findings)) if before else passed


def make_advised(
    revision: str,
    table: Mapping[str, Any],
    *,
    key: bytes,
    advisors: Mapping[str, Advisor],
    spawns: Spawns,
    told: Told,
) -> Detector:
    """The detector of a `detectors` table, and around it the advisors that its rows ask for, if any do. As
    `detector.make_detector`: off the loop; raises `ValueError` for a table that cannot be used."""
    advised_by = advices(table, advisors)
    inner = make_detector(revision, table, key=key)
    if not advised_by:
        return inner
    weighing = Weighing(table.get("inspection", {}))
    return AdvisedDetector(inner, advised_by, key=key, weighing=weighing, spawns=spawns, told=told)
