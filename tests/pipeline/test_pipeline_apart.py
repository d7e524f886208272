"""What is told by signs in the beginning and the end of a long streamed answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pipeline_fakes import decision
from stream_house import BLOCKS, DONE, HIDES, Detector, House, chunk, run, said, text

from dataplane.domain import AnswerTerms, Constraints, Outcome, Verdict
from dataplane.findings import Finding, Inspection, Level, Origin, Span, Text, failure
from dataplane.heard import MAX_CHARACTERS, SEEN_AT_ONCE, told_apart

TERMS = AnswerTerms(inspect=("pii", "injection"), ask="findings")
FILLER = "plain words " * 50
REQUEST = [2, 1]
"""Lengths of the texts of a request, which are looked at first."""


class Apart(Detector):
    """Finds in whole texts what begins with one word and ends with another."""

    looked: list[int]

    async def look(self, texts: Sequence[Text]) -> Inspection:
        self.looked += [len(each.text) for each in texts]
        return Inspection(
            findings=tuple(
                Finding(kind=kind, level=Level.HIGH, score=90, origin=each.origin, spans=(Span(index, 0, 1),))
                for index, each in enumerate(texts)
                for kind in ("injection", "pii.email")
                if "first" in each.text and "second" in each.text
            )
        )


def house(terms: AnswerTerms = TERMS, **later: Any) -> tuple[House, Apart]:
    made = House(terms)
    detector = made.detector = Apart(made.journal, {})
    detector.looked = []
    made.later["response"] = decision(**later)
    return made, detector


def test_a_finding_that_blocks_cuts_the_stream_before_its_end_has_gone_on() -> None:
    made, _ = house(**BLOCKS)
    state, client = run(made, *text("first ", FILLER, "second one"), chunk({}, "stop"), DONE)
    assert said(client.sent) == f"first {FILLER}second "
    assert b'"finish_reason":"stop"' not in client.sent
    assert b'"finish_reason":"content_filter"' in client.sent
    assert client.sent.endswith(DONE)
    assert (state.outcome, state.verdict, state.reasons) == (
        Outcome.POLICY_CUT,
        Verdict.BLOCK,
        ("response.test",),
    )


def test_a_finding_that_passes_is_recorded_and_nothing_is_held_for_it() -> None:
    made, _ = house()
    pieces = [*text("first ", FILLER, "second "), chunk({}, "stop"), DONE]
    state, client = run(made, *pieces)
    assert [data for _, data in client.at if data] == pieces
    assert [one.kind for one in state.answer_findings] == ["injection"]
    (question,) = made.questions
    assert [one.kind for one in question.findings] == ["injection"]


def test_what_would_have_to_be_redacted_and_is_out_cuts_the_stream() -> None:
    for redacts, outcome in ((("injection",), Outcome.POLICY_CUT), (("pii",), Outcome.OK)):
        made, _ = house(**HIDES | {"constraints": Constraints(redact=redacts)})
        state, client = run(made, *text("first ", FILLER, "second "), chunk({}, "stop"), DONE)
        assert state.outcome is outcome
        assert (b"gateway.unredactable" in client.sent) == (outcome is Outcome.POLICY_CUT)


@pytest.mark.parametrize("inspect", [("pii",), ("pii", "secret", "toxicity"), ("injection@user2",)])
def test_where_no_such_kind_is_asked_for_nothing_is_kept(inspect: tuple[str, ...]) -> None:
    made, detector = house(AnswerTerms(inspect=inspect, ask="findings"))
    run(made, *text("first ", FILLER, "second "), chunk({}, "stop"), DONE)
    assert detector.looked == REQUEST


def test_a_text_that_a_window_saw_at_once_is_not_looked_at_again() -> None:
    made, detector = house()
    run(made, *text("first ", "x" * (SEEN_AT_ONCE - 14), " second "), chunk({}, "stop"), DONE)
    assert detector.looked == REQUEST
    run(made, *text("first ", "x" * (SEEN_AT_ONCE - 13), " second "), chunk({}, "stop"), DONE)
    assert detector.looked == [*REQUEST, *REQUEST, SEEN_AT_ONCE + 1]


def test_what_the_windows_told_is_not_told_twice() -> None:
    told = Finding(kind="injection", level=Level.HIGH, score=90, origin=Origin.OUTPUT, spans=(Span(0, 0, 5),))
    assert told_apart([told], [told]) == ()
    assert told_apart([told], [replace(told, level=Level.MEDIUM)]) == (told,)
    assert told_apart([told], [replace(told, origin=Origin.REASONING)]) == (told,)
    assert told_apart([replace(told, kind="pii.email"), failure(Origin.OUTPUT)], []) == ()


def test_a_stream_without_a_finish_reason_is_looked_at_and_no_more_of_it_than_the_limit() -> None:
    made, detector = house()
    stream = [chunk({"content": "y" * 500}), chunk({"content": "x" * MAX_CHARACTERS}), DONE]
    state, _ = run(made, *stream)
    assert state.outcome is Outcome.OK
    assert detector.looked == [*REQUEST, MAX_CHARACTERS]
