"""A moderation service is asked in its own shape, and what it answers is not believed beyond that."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from dataplane.config import AdvisorSettings
from dataplane.errors import ConfigError
from dataplane.inspection.advisor import AdvisorFailed, Opinion
from dataplane.inspection.moderation import BATCH, MAX_ANSWER_BYTES, Moderation, moderation, read_opinions
from tests.moderation_service import RUDE, ModerationService, moderation_service

KEY = "sk-canary-moderation-5Tq9Wz"


@pytest.fixture
def service() -> Iterator[ModerationService]:
    with moderation_service() as one:
        yield one


def ask(
    url: str, texts: Sequence[str], *, key: Callable[[], str] | None = lambda: KEY, model: str | None = None
) -> Sequence[Opinion]:
    async def run() -> Sequence[Opinion]:
        advisor = Moderation(base_url=url, key=key, model=model, ca_file=None, connections=2)
        try:
            async with asyncio.timeout(10):
                return await advisor.assess(texts)
        finally:
            await advisor.close()

    return asyncio.run(run())


@pytest.mark.parametrize("status", [204, 302, 307, 401, 429, 500])
def test_no_other_status_is_an_answer_and_nobody_else_is_asked(
    service: ModerationService, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    service.status, service.body = status, b"" if status == 204 else f"you sent {KEY}".encode()
    with caplog.at_level(logging.DEBUG, "regogate"), pytest.raises(AdvisorFailed) as failed:
        ask(service.url, ["private words"])
    assert str(failed.value) == f"it answered with status {status}"
    assert len(service.questions) == 1
    assert KEY not in caplog.text
    assert "private words" not in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff no json",
        b"[]",
        b"null",
        b'{"results": {}}',
        b'{"results": []}',
        b'{"results": [{}, {}]}',
        b'{"results": [[]]}',
        b'{"results": [{}]}',
        b'{"results": [{"categories": []}]}',
        b'{"results": [{"categories": {}, "category_scores": {}}]}',
        b'{"results": [{"category_scores": {"hate": 1.01}}]}',
        b'{"results": [{"category_scores": {"hate": -0.01}}]}',
        b'{"results": [{"category_scores": {"hate": NaN}}]}',
        b'{"results": [{"category_scores": {"hate": 1e999}}]}',
        b'{"results": [{"category_scores": {"hate": true}}]}',
        b'{"results": [{"category_scores": {"hate": "0.9"}}]}',
        b'{"results": [{"categories": {"hate": 1}}]}',
        b"[" * 100_000,
        json.dumps({"results": [{"category_scores": {str(i): 0 for i in range(201)}}]}).encode(),
    ],
    ids=range(20),
)
def test_what_is_no_answer_of_such_a_service_is_no_opinion(service: ModerationService, body: bytes) -> None:
    service.body = body
    with pytest.raises(AdvisorFailed):
        ask(service.url, ["private words"])


def test_an_answer_that_is_too_large_is_not_read_to_its_end(service: ModerationService) -> None:
    service.body = b" " * (MAX_ANSWER_BYTES + 1)
    with pytest.raises(AdvisorFailed, match="too large"):
        ask(service.url, ["private words"])


def test_a_service_that_is_not_there_is_told_without_its_text() -> None:
    with moderation_service() as gone:
        url = gone.url
    with pytest.raises(AdvisorFailed, match=r"^it cannot be reached \(ConnectError\)$"):
        ask(url, ["private words"])


def test_a_key_that_is_missing_or_would_break_the_head_is_not_sent(service: ModerationService) -> None:
    def missing() -> str:
        raise ConfigError("environment variable MODERATION_KEY is not set or empty")

    with pytest.raises(AdvisorFailed, match="MODERATION_KEY is not set"):
        ask(service.url, ["words"], key=missing)
    for key in (f"{KEY}\r\nx-other: 1", f"{KEY}\u00e9"):
        with pytest.raises(AdvisorFailed) as failed:
            ask(service.url, ["words"], key=lambda key=key: key)  # type: ignore[misc]
        assert KEY not in str(failed.value)
    assert service.questions == []


def test_a_file_of_authorities_that_cannot_be_read_is_told_when_the_gateway_starts(tmp_path: Path) -> None:
    settings = AdvisorSettings(base_url="https://localhost", ca_file=tmp_path / "none.pem")
    with pytest.raises(ConfigError, match=r"^inspection\.advisors\.polite\.ca_file: is not a readable PEM"):
        moderation("polite", settings)


def test_texts_get_their_points_by_category_in_order(service: ModerationService) -> None:
    opinions = ask(service.url, [f"you {RUDE}", "hello", "half a \ud83d surrogate"], model="omni-latest")
    assert opinions == [{"hate": 91, "violence": 0}, {"hate": 2, "violence": 0}, {"hate": 2, "violence": 0}]
    [question] = service.questions
    assert question == {"input": [f"you {RUDE}", "hello", "half a ? surrogate"], "model": "omni-latest"}
    assert service.keys == [f"Bearer {KEY}"]


def test_many_texts_are_asked_about_in_batches_and_without_a_key_none_is_sent(
    service: ModerationService,
) -> None:
    texts = [f"text {number}" for number in range(BATCH + 3)]
    assert len(ask(service.url, texts, key=None)) == BATCH + 3
    assert [len(question["input"]) for question in service.questions] == [BATCH, 3]
    assert service.texts == texts
    assert service.keys == [None, None]


def test_a_service_without_scores_says_all_or_nothing() -> None:
    body = b'{"results": [{"categories": {"hate": true, "violence": false, "illicit": null}}]}'
    assert read_opinions(body, 1) == [{"hate": 100, "violence": 0}]
