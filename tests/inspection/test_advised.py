"""Advisors judge whole texts beside the patterns: what they say is found, and what they do not say, too."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dataplane.findings import FAILED, Finding, Inspection, Level, Origin, Span, Text
from dataplane.inspection.advice import MAX_CHARACTERS, advices
from dataplane.inspection.advised import AdvisedDetector, make_advised
from dataplane.inspection.advisor import Advisor, AdvisorFailed, Opinion
from dataplane.inspection.catalogue import MAKES, Family
from dataplane.inspection.detector import TextDetector
from dataplane.inspection.inspector import Bounds, Inspector
from dataplane.inspection.recognizers import pii, secrets
from dataplane.inspection.risk import Weighing

KEY = b"k" * 32
MAIL = "ada@analytical-engines.org"
ROW: Mapping[str, Any] = {
    "mode": "inline",
    "origins": ["user", "output"],
    "kinds": {"hate": "toxicity", "threat": "toxicity", "off_topic": "custom.off_topic"},
}


class Strict:
    """Says of each text that holds `rude` that it is hateful."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []
        self.fails = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def assess(self, texts: Sequence[str]) -> Sequence[Opinion]:
        self.asked.append(texts)
        await self.answers.wait()
        if self.fails:
            raise AdvisorFailed("it answered with status 500")
        return [{"hate": 85 if "rude" in text else 0, "threat": 7, "off_topic": 0} for text in texts]

    async def close(self) -> None:
        return None


@pytest.fixture(scope="module")
def inner() -> TextDetector:
    families = [Family("pii", pii.make({})), Family("secrets", secrets.make({}))]
    return TextDetector(
        Inspector("7-gabc", families, key=KEY, weighing=Weighing({}), bounds=Bounds(), hyperscan=False)
    )


class Desk:
    """A detector with one advisor."""

    def __init__(self, inner: TextDetector, **row: Any) -> None:
        self.strict = Strict()
        self.counted: list[str] = []
        table = {"advisors": {"strict": {**ROW, **row}}}
        advisors: Mapping[str, Advisor] = {"strict": self.strict}
        self.detector = AdvisedDetector(
            inner,
            advices(table, advisors),
            key=KEY,
            weighing=Weighing({}),
            spawns=asyncio.create_task,
            told=lambda _, kind: self.counted.append(kind),
        )

    def look(self, *texts: Text) -> Inspection:
        return asyncio.run(self.detector.look(texts))


def user(text: str, *, follows: bool = False) -> Text:
    return Text(text=text, origin=Origin.USER, follows=follows)


def kinds(findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    return [(one.kind, one.level.value, one.origin.value) for one in findings]


def test_no_opinion_is_a_failed_inspection_of_the_origins_it_was_asked_about(inner: TextDetector) -> None:
    desk = Desk(inner)
    desk.strict.fails = True
    seen = desk.look(
        Text(text="Be kind.", origin=Origin.SYSTEM), user("hello"), Text(text="hi", origin=Origin.OUTPUT)
    )
    assert kinds(seen.findings) == [(FAILED, "high", "output"), (FAILED, "high", "user")]
    assert seen.findings[1].spans == (Span(1, 0, 0),)
    assert seen.risk == 100


def test_no_opinion_is_nothing_where_its_row_says_so(inner: TextDetector) -> None:
    desk = Desk(inner, failure="ignore")
    desk.strict.fails = True
    assert desk.look(user("hello")).findings == ()


def test_too_much_text_is_not_sent(inner: TextDetector) -> None:
    desk = Desk(inner)
    seen = desk.look(user("so long " * (MAX_CHARACTERS // 8 + 1)))
    assert kinds(seen.findings) == [(FAILED, "high", "user")]
    assert desk.strict.asked == []


def test_texts_that_could_not_be_looked_at_are_not_sent() -> None:
    class Fails(TextDetector):
        revision = "7-gabc"

        async def look(self, texts: Sequence[Text]) -> Inspection:
            failed = Finding(kind=FAILED, level=Level.HIGH, score=100, origin=Origin.USER, spans=())
            return Inspection(findings=(failed,))

    desk = Desk(Fails.__new__(Fails))
    seen = desk.look(user(f"my address is {MAIL}"))
    assert [one.kind for one in seen.findings] == [FAILED, FAILED]
    assert desk.strict.asked == []


def test_a_label_that_an_advisor_never_tells_is_no_opinion(inner: TextDetector) -> None:
    desk = Desk(inner, kinds={"haet": "toxicity"})
    assert kinds(desk.look(user("hello")).findings) == [(FAILED, "high", "user")]


def test_an_advisor_that_the_settings_do_not_have_never_has_an_opinion(
    inner: TextDetector, caplog: pytest.LogCaptureFixture
) -> None:
    [absent] = advices({"advisors": {"elsewhere": ROW}}, {})
    assert "no such advisor" in caplog.text
    with pytest.raises(AdvisorFailed):
        asyncio.run(absent.findings([user("hello")], [user("hello")], lambda _: b""))


def test_personal_data_and_secrets_are_hidden_from_advisors(inner: TextDetector) -> None:
    desk = Desk(inner)
    key = "ghp_" + "x7Kq2mVn9RtB4wYzP8sD1fGhJ3kLcA5eU6oI"
    text = user(f"rude: {MAIL} has {key}")
    seen = desk.look(text)
    [[shown]] = desk.strict.asked
    assert shown.startswith("rude: [EMAIL_1] has [")
    assert key not in shown
    [toxic] = [one for one in seen.findings if one.kind == "toxicity"]
    assert toxic.spans == (Span(0, 0, len(text.text)),)


def test_findings_of_whole_texts_join_those_of_patterns_with_their_risk(inner: TextDetector) -> None:
    desk = Desk(inner)
    seen = desk.look(user("Dear all,"), user("how rude", follows=True), user("hello"), user("rude?"))
    assert kinds(seen.findings) == [
        ("toxicity", "high", "user"),
        ("toxicity", "low", "user"),
        ("toxicity", "high", "user"),
    ]
    assert seen.findings[0].spans == (Span(0, 0, 9), Span(1, 0, 8))
    assert seen.findings[0].score == 85
    assert seen.findings[0].digest
    assert seen.findings[0].digest != seen.findings[2].digest
    assert seen.risk > 0
    assert desk.strict.asked == [["Dear all,\nhow rude", "hello", "rude?"]]
    assert desk.counted == ["toxicity"] * 3


def test_a_whole_text_is_redacted_for_what_it_says(inner: TextDetector) -> None:
    desk = Desk(inner)
    texts = [Text(text="how rude you are", origin=Origin.OUTPUT)]
    seen = desk.look(*texts)
    assert desk.detector.redactor().redact(texts, seen.findings, ["toxicity"]) == {0: "[TOXICITY_1]"}


def test_thresholds_of_a_row_make_the_levels(inner: TextDetector) -> None:
    assert kinds(Desk(inner, medium=86, high=90).look(user("rude")).findings) == [("toxicity", "low", "user")]
    assert kinds(Desk(inner, high=86).look(user("rude")).findings) == [("toxicity", "medium", "user")]


def test_an_advisor_is_not_asked_about_other_origins_nor_about_nothing(inner: TextDetector) -> None:
    desk = Desk(inner)
    seen = desk.look(Text(text="rude", origin=Origin.SYSTEM), user(" \n"), user(""))
    assert seen.findings == ()
    assert desk.strict.asked == []


def test_beside_a_call_nothing_waits_and_the_findings_come_later(inner: TextDetector) -> None:
    async def run() -> None:
        desk = Desk(inner, mode="async")
        desk.strict.answers.clear()
        seen = await desk.detector.look([user("rude")])
        assert seen.findings == ()
        assert seen.later is not None
        assert not seen.later.done()
        desk.strict.answers.set()
        assert kinds(await seen.later) == [("toxicity", "high", "user")]
        desk.strict.fails = True
        again = await desk.detector.look([user("rude")])
        assert again.later is not None
        assert await again.later == ()

    asyncio.run(run())


def test_a_stream_is_a_failed_inspection_before_any_of_it_passes(inner: TextDetector) -> None:
    async def run() -> None:
        stream = Desk(inner).detector.stream(Origin.OUTPUT, ("toxicity",))
        first, rest = stream.feed("Hello there, "), stream.feed("you.")
        assert kinds(first.findings) == [(FAILED, "high", "output")]
        assert rest.findings == ()
        assert first.text + rest.text + stream.end().text == "Hello there, you."

    asyncio.run(run())


@pytest.mark.parametrize(
    ("row", "origin", "asked"),
    [
        ({"streams": "pass"}, Origin.OUTPUT, "toxicity"),
        ({"failure": "ignore"}, Origin.OUTPUT, "toxicity"),
        ({"mode": "async"}, Origin.OUTPUT, "toxicity"),
        ({}, Origin.REASONING, "toxicity"),
        ({}, Origin.OUTPUT, "pii"),
    ],
)
def test_other_streams_are_looked_at_as_ever(
    inner: TextDetector, row: Mapping[str, Any], origin: Origin, asked: str
) -> None:
    stream = Desk(inner, **row).detector.stream(origin, (asked,))
    assert stream.feed("Hello there, ").findings == ()


@pytest.mark.parametrize(
    "row",
    [
        {},
        {**ROW, "mode": "sometimes"},
        {**ROW, "origins": ["users"]},
        {**ROW, "failure": "panic"},
        {**ROW, "streams": "some"},
        {**ROW, "kinds": 7},
        None,
    ],
)
def test_a_row_that_cannot_be_read_makes_no_detector(row: Any) -> None:
    with pytest.raises(ValueError, match="advisors: strict"):
        advices({"advisors": {"strict": row}}, {})
    with pytest.raises(ValueError, match="not rows"):
        advices({"advisors": [row]}, {})


@pytest.mark.parametrize("rows", [{}, {"strict": {**ROW, "mode": "off"}}])
def test_a_table_that_asks_for_no_advice_has_the_detector_it_had(rows: Mapping[str, Any]) -> None:
    table = {**{name: {"enabled": False} for name in MAKES}, "advisors": rows}
    made = make_advised(
        "7-gabc", table, key=KEY, advisors={}, spawns=asyncio.create_task, told=lambda *_: None
    )
    assert type(made) is TextDetector


def test_an_opinion_that_failed_says_why_without_the_text(
    inner: TextDetector, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(inner)
    desk.strict.fails = True
    with caplog.at_level(logging.DEBUG, "regogate"):
        desk.look(user("private words"))
    assert "private words" not in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"kinds": {"hate": "pii.email"}},
        {"kinds": {"hate": "inspection.failed"}},
        {"kinds": {}},
        {"origins": []},
        {"origins": ["answer"]},
        {"mode": "maybe"},
        {"url": "https://elsewhere.example"},
    ],
)
def test_a_policy_is_checked_for_rows_that_cannot_be(wrong: Mapping[str, Any]) -> None:
    schema = Path(__file__).parents[2] / "policies/schemas/tables/detectors.schema.json"
    valid = Draft202012Validator(json.loads(schema.read_text())).is_valid
    assert valid({"advisors": {"strict": ROW}})
    assert not valid({"advisors": {"strict": {**ROW, **wrong}}})
