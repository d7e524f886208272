"""Texts of a request cost to read, and are not read for a detector that finds nothing."""

import asyncio

from pipeline_fakes import FakeClient, FakeDetector, FakeHouse, decision, new_state

from dataplane.domain import AnswerTerms
from dataplane.findings import Text


class Unread(list[Text]):
    """Texts that cost to read."""

    def __bool__(self) -> bool:
        raise AssertionError("they were read")


def test_texts_are_not_read_where_nothing_is_looked_for() -> None:
    made = FakeHouse()
    made.detector = FakeDetector(made.journal, {})
    made.detector.finds = False
    made.decision = decision(response=AnswerTerms())
    made.surface.said = Unread()
    state, client = new_state(path="/chat"), FakeClient(made.journal)
    asyncio.run(made.pipeline().handle(state, client, None))
    assert (client.status, state.inspection.findings) == (200, ())
