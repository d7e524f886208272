"""Texts are not read for a detector that finds nothing; what could not be read of an answer is told."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from pipeline_fakes import FakeClient, FakeDetector, FakeHouse, decision, new_state

from dataplane.domain import AnswerTerms, CallState, Verdict
from dataplane.findings import Inspection, Origin, Text


class Unread(list[Text]):
    """Texts that cost to read."""

    def __bool__(self) -> bool:
        raise AssertionError("they were read")


class Overwhelmed(FakeDetector):
    """Looks at a part of each text and finds nothing in it."""

    async def look(self, texts: Sequence[Text]) -> Inspection:
        return Inspection(unread_bytes=7)


def run(made: FakeHouse) -> tuple[CallState, FakeClient]:
    state, client = new_state(path="/chat"), FakeClient(made.journal)
    asyncio.run(made.pipeline().handle(state, client, None))
    return state, client


def test_texts_are_not_read_where_nothing_is_looked_for() -> None:
    made = FakeHouse()
    made.detector = FakeDetector(made.journal, {})
    made.detector.finds = False
    made.decision = decision(response=AnswerTerms())
    made.surface.said = Unread()
    state, client = run(made)
    assert (client.status, state.inspection.findings) == (200, ())


@pytest.mark.parametrize("ask", ["findings", "always", "never"])
@pytest.mark.parametrize("verdict", [Verdict.ALLOW, Verdict.BLOCK])
def test_an_answer_that_was_not_read_whole_is_asked_about(ask: Any, verdict: Verdict) -> None:
    made = FakeHouse()
    made.detector = Overwhelmed(made.journal, {})
    made.decision = decision(response=AnswerTerms(inspect=("pii",), ask=ask))
    made.later["response"] = decision(verdict=verdict, reasons=("response.test",))
    made.surface.answered = [Text(text="hello", origin=Origin.OUTPUT, place=(0,))]
    _, client = run(made)
    asked = ask != "never"
    assert [one.about["uninspected_bytes"] for one in made.questions] == [7] * asked
    assert client.status == (403 if asked and verdict is Verdict.BLOCK else 200)
