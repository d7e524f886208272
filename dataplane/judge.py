"""What is looked at in one call and what becomes of it: request, answer, and each proposed call of a tool.

Texts are looked at by the detector that goes with the decision; what is found is put to policy as the terms
of the decision say. What must not pass raises `Refused`, what is to be hidden gets a placeholder: the same
for the same value, in request and answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Final

from dataplane.correlation import of_tool_call
from dataplane.domain import AnswerTerms, AuditLevel, CallState, Verdict
from dataplane.errors import Refused, blocked_by_policy
from dataplane.findings import (
    FAILED,
    NOTHING_FOUND,
    Finding,
    Inspection,
    Origin,
    ProposedCall,
    Text,
    restored,
    selects,
)
from dataplane.heard import Heard, reads_apart, told_apart
from dataplane.inspection_ports import (
    PASSES,
    Detector,
    Guard,
    Passed,
    Question,
    Redactor,
    ResponseVerdict,
    TextStream,
)
from dataplane.kept_content import MAX_CHARACTERS, kept_content, without_beginnings
from dataplane.ports import AuditLog, Exchange, PolicyEngine, Transcript
from dataplane.told_call import in_call, named_by, told_call

_log = logging.getLogger("regogate.inspection")


class Unseen:
    """Implements `ports.TextStream` for texts that nothing is looked for in."""

    holds = False

    def feed(self, text: str) -> Passed:
        """The text."""
        return Passed(text)

    def relax(self) -> Passed:
        """Nothing."""
        return Passed("")

    def end(self) -> Passed:
        """Nothing."""
        return Passed("")


UNSEEN: Final = Unseen()


class CallJudge:
    """Implements `inspection_ports.Looks` for one call, whose request has the texts that `texts` gives.
    They are read when they are first needed.

    What is asked about its answer and answered is recorded, durably, before `response` and `tool_call`
    return. They raise `Refused`: the answer must not pass, whatever of it is still here.
    """

    def __init__(
        self,
        state: CallState,
        texts: Callable[[], Sequence[Text]],
        policy: PolicyEngine,
        audit: AuditLog,
    ) -> None:
        self._state = state
        self._texts = texts
        self._policy = policy
        self._audit = audit
        self._detector: Detector | None = None
        self._redactor: Redactor | None = None
        self._transcript: Transcript | None = None
        self._streamed: Heard | None = None

    @property
    def terms(self) -> AnswerTerms:
        """What the decision says of the answer."""
        assert self._state.decision is not None
        return self._state.decision.response

    @property
    def detector(self) -> Detector:
        """The one that goes with the decision. Raises `Refused` (`gateway.unenforceable`) where there is
        none: nothing may pass that was to be looked at and was not."""
        if self._detector is None:
            raise Refused("gateway.unenforceable")
        return self._detector

    def guard(self) -> Guard:
        """What a streamed answer is guarded with. Raises like `detector` where it is to be inspected."""
        inspect = self.terms.inspect
        stream = self.detector.stream if inspect else None

        def opens(origin: Origin) -> TextStream:
            return UNSEEN if stream is None else stream(origin, inspect)

        if reads_apart(inspect):
            self._streamed = Heard(opens)
        return Guard(
            opens=opens if self._streamed is None else self._streamed.open,
            redact=self.redact,
            restore=self._restore if self.terms.restore else None,
        )

    # --- the request ----------------------------------------------------------------------------

    async def look(self, detector: Detector) -> None:
        """See `ports.Looks.look`."""
        self._detector = detector
        if self._state.inspection.later is not None:
            self._state.inspection.later.cancel()  # asked by other tables
        texts = self._texts() if detector.finds else ()
        self._state.inspection = self._hearing(await detector.look(texts)) if texts else NOTHING_FOUND

    def keep_content(self) -> None:
        """Once policy decided: keep what the record of the call is to hold of the request."""
        state = self._state
        if not self._keeps or self._detector is None or state.decision is None:
            return
        if texts := self._texts():
            redacted = state.decision.constraints.redact
            state.content = kept_content(texts, state.inspection, self._detector, redacted=redacted)

    def transcript(self, exchange: Exchange) -> Transcript | None:
        """What is to hear of all that is sent of a stream; None where nothing of it is kept."""
        if self._keeps and self._detector is not None:
            self._transcript = exchange.transcript(MAX_CHARACTERS)
        return self._transcript

    async def keep_answer(self) -> None:
        """Once a stream has ended, or was ended: keep what its record is to hold of what the caller got."""
        transcript = self._transcript
        if transcript is None or not self._keeps:
            return
        texts = transcript.texts()
        if not transcript.ended:
            texts = await without_beginnings(texts, self.detector)
        seen = self._hearing(await self.detector.look(texts))
        self._state.answer_content = kept_content(texts, seen, self.detector, omitted=transcript.omitted)

    @property
    def _keeps(self) -> bool:
        return self._state.audit is AuditLevel.FULL

    def redact_request(self, patterns: Sequence[str]) -> Mapping[int, str]:
        """The request's texts that change, by index, without the findings that the patterns mean."""
        return self.redact(self._texts(), self._state.inspection.findings, patterns)

    def redact(
        self, texts: Sequence[Text], findings: Sequence[Finding], patterns: Sequence[str]
    ) -> Mapping[int, str]:
        """The texts that change, by index. Counts what was hidden in the call's account."""
        meant = [one for one in findings if selects(patterns, one.kind, one.origin)]
        if not meant:
            return {}
        if self._redactor is None:
            self._redactor = self.detector.redactor()
        self._state.redactions += len(meant)
        return self._redactor.redact(texts, meant, patterns)

    # --- its answer -----------------------------------------------------------------------------

    async def response(
        self,
        findings: Sequence[Finding],
        *,
        ends: bool = False,
        finish_reason: str | None = None,
        tokens: int | None = None,
        unread_bytes: int = 0,
    ) -> ResponseVerdict:
        """May the answer with these findings pass, and how? Notes the findings in the call's account. Asks as
        the decision's terms say: not where they say never, nor about nothing where they say findings.

        Where a text `ends` that came in pieces, what its windows did not see together counts too; it cannot
        be redacted any more, so an answer in which it would have to be does not pass.
        """
        apart = await self._apart(findings) if ends and self._streamed is not None else ()
        findings = (*findings, *apart)
        self._state.answer_findings += findings
        if not self._asks(findings, unread_bytes):
            return PASSES
        about: dict[str, str | int] = {"uninspected_bytes": unread_bytes}
        if finish_reason is not None:
            about["finish_reason"] = finish_reason
        if tokens is not None:
            about["tokens"] = tokens
        verdict = await self._ask(Question(stage="response", about=about, findings=findings))
        if any(selects(verdict.redact, one.kind, one.origin) for one in apart):
            raise Refused("gateway.unredactable")
        return verdict

    def _asks(self, findings: Sequence[Finding], unread_bytes: int) -> bool:
        """Whether an answer with these is asked about."""
        ask = self.terms.ask
        return ask == "always" or (ask == "findings" and bool(findings or unread_bytes))

    async def _apart(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """What is found in the texts of a stream as they are now, and was in none of their windows."""
        assert self._streamed is not None
        texts = self._streamed.texts()
        if not texts:
            return ()
        seen = self._hearing(await self.detector.look(texts))
        return told_apart(self._inspected(seen.findings), (*self._state.answer_findings, *findings))

    async def tool_call(self, call: ProposedCall) -> ResponseVerdict:
        """May this call of a tool be proposed to the caller? Looks into its arguments. Not asked where the
        terms say pass."""
        state, terms = self._state, self.terms
        if state.correlation_id is None and call.id is not None:
            state.correlation_id = of_tool_call(state, call.id)
        asked = terms.tool_calls == "ask"
        findings: tuple[Finding, ...] = ()
        named: tuple[Finding, ...] = ()
        if asked or (call.texts and terms.inspect):
            texts = (*call.texts, *named_by(call)) if asked else call.texts
            found = self._hearing(await self.detector.look(texts)).findings
            findings, named = in_call(call, found)
        if not asked:
            findings = self._inspected(findings)
            return replace(await self.response(findings), findings=findings)
        state.answer_findings += findings
        about = told_call(call, findings, named)
        verdict = await self._ask(Question(stage="tool_call", about=about, findings=findings))
        return replace(verdict, findings=findings)

    # --- a whole answer -------------------------------------------------------------------------

    async def whole(self, exchange: Exchange, body: bytes) -> bytes:
        """A whole answer that `exchange` has read, as it may go to the caller.

        1. Each proposed call is asked about. 2. All texts are looked at, and asked about. 3. What is to be
        hidden is, and what was hidden on the way out stands there again where the terms say so.
        """
        terms = self.terms
        if terms.passes and not self._keeps:
            return body
        texts = exchange.texts()
        calls = exchange.proposed() if terms.tool_calls == "ask" else ()
        patterns: set[str] = set()
        told: set[tuple[str, bytes]] = set()
        delay_ms = 0
        for call in calls:
            verdict = await self.tool_call(call)
            patterns |= {_within(pattern, Origin.TOOL_ARGUMENTS) for pattern in verdict.redact}
            told |= {(one.kind, one.digest) for one in verdict.findings}
            delay_ms = max(delay_ms, verdict.delay_ms or 0)
        looks = terms.inspect or patterns or self._keeps
        seen = self._hearing(await self.detector.look(texts)) if looks else NOTHING_FOUND
        if self._keeps:
            self._state.answer_content = kept_content(texts, seen, self.detector)
        if terms.passes:
            return body
        unread = exchange.unread_bytes() + seen.unread_bytes
        if not (seen.findings or calls or terms.restore or self._asks((), unread)):
            return exchange.rewrite({})  # most answers: there is nothing to ask about or to hide
        verdict = await self.response(
            [one for one in self._inspected(seen.findings) if not _told_of(one, told)],
            finish_reason=exchange.finish_reason(),
            tokens=exchange.usage.output_tokens,
            unread_bytes=unread,
        )
        await _wait(max(delay_ms, verdict.delay_ms or 0))
        hidden = sorted(patterns.union(verdict.redact))
        instead = dict(self.redact(texts, seen.findings, hidden))
        if instead and self._keeps:
            self._state.answer_content = kept_content(texts, seen, self.detector, redacted=hidden)
        if terms.restore:
            instead |= restored(texts, instead, self._restore)
        # Also where nothing changes: what goes on is what was read, not bytes that others may read otherwise.
        return exchange.rewrite(instead)

    async def error(self, body: bytes) -> bytes:
        """A provider's error, which may quote what it was sent: looked at as one text."""
        if not self.terms.inspect:
            return body
        texts = [Text(text=body.decode("utf-8", "replace"), origin=Origin.OTHER)]
        seen = self._hearing(await self.detector.look(texts))
        verdict = await self.response(self._inspected(seen.findings), unread_bytes=seen.unread_bytes)
        await _wait(verdict.delay_ms or 0)
        instead = self.redact(texts, seen.findings, verdict.redact)
        return instead[0].encode("utf-8", "replace") if instead else body

    def _restore(self, text: str) -> str:
        return text if self._redactor is None else self._redactor.restore(text)

    def _inspected(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """Those that the terms ask for, and failures."""
        patterns = self.terms.inspect
        return tuple(one for one in findings if one.kind == FAILED or selects(patterns, one.kind, one.origin))

    def _hearing(self, seen: Inspection) -> Inspection:
        if seen.later is not None:
            seen.later.add_done_callback(self._heard)
        return seen

    def _heard(self, later: asyncio.Future[tuple[Finding, ...]]) -> None:
        """Note what was found while the call went on: for its completion, where that is still to come."""
        if later.cancelled() or not (found := later.result()):
            return
        self._state.late_findings += found
        told = sorted(f"{one.kind}:{one.level.value}:{one.origin.value}" for one in found)
        extra = {"request_id": self._state.head.request_id, "findings": told}
        _log.warning("found while the call went on", extra=extra)

    async def _ask(self, question: Question) -> ResponseVerdict:
        """Ask a later stage, and record its answer before anything follows from it."""
        state = self._state
        try:
            decision = await self._policy.judge(state, question)
            self._store_as(decision.audit)
            await self._audit.judged(state, question, decision)
            if decision.verdict is Verdict.BLOCK:
                raise blocked_by_policy(decision.reasons, decision.http_status, decision.http_code)
        except Refused:
            state.verdict = Verdict.BLOCK
            raise
        if decision.verdict is Verdict.CONSTRAIN:
            so_far = state.reasons if state.verdict is Verdict.CONSTRAIN else ()
            state.verdict = Verdict.CONSTRAIN
            state.reasons = tuple(sorted({*so_far, *decision.reasons}))
        return ResponseVerdict(redact=decision.constraints.redact, delay_ms=decision.constraints.delay_ms)

    def _store_as(self, level: AuditLevel) -> None:
        """A later stage may have less stored than the request's said, not more: its record is written."""
        state = self._state
        state.later_audit = state.audit.or_less(level)
        if not self._keeps:
            state.answer_content = None


def _within(pattern: str, origin: Origin) -> str:
    return pattern if "@" in pattern else f"{pattern}@{origin.value}"


def _told_of(finding: Finding, told: Set[tuple[str, bytes]]) -> bool:
    """Whether the stage tool_call was told of it; of what is in a call's name or id it was not."""
    return finding.origin is Origin.TOOL_ARGUMENTS and (finding.kind, finding.digest) in told


async def _wait(delay_ms: int) -> None:
    if delay_ms:
        await asyncio.sleep(delay_ms / 1000)
