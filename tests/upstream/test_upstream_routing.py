"""Which provider a model goes to, and the life of all of them together."""

from __future__ import annotations

import asyncio

import pytest
from mock_provider import chat

from dataplane.domain import Forward, UpstreamReply
from dataplane.errors import ConfigError, Refused
from dataplane.upstream.body import WholeBody
from dataplane.upstream.routing import Router


class FakeProvider:
    def __init__(self, name: str, *models: str, fails: bool = False) -> None:
        self.name = name
        self.models = models
        self.running = False
        self._fails = fails

    async def start(self) -> None:
        if self._fails:
            raise ConfigError("no")
        self.running = True

    async def close(self) -> None:
        self.running = False
        if self.name == "fails to close":
            raise OSError("no")

    def problems(self) -> list[str]:
        return [f"{self.name} is ill"] if self.name == "ill" else []

    async def send(self, forward: Forward) -> UpstreamReply:
        return UpstreamReply(provider=self.name, status=200, headers=(), body=WholeBody(b"{}"))


def served(router: Router, model: str | None) -> str:
    return asyncio.run(router.send(chat(model=model))).provider  # type: ignore[arg-type]


@pytest.mark.parametrize("model", ["claude", "gpt", "GPT-4", "", None])
def test_a_model_nobody_serves_is_refused(model: str | None):
    router = Router([FakeProvider("a", "gpt-*", "o1")])
    with pytest.raises(Refused) as caught:
        served(router, model)
    assert (caught.value.reasons, caught.value.status) == (("gateway.model_not_found",), 404)


@pytest.mark.parametrize("pattern", ["*gpt", "g*t", "**", ""])
def test_a_pattern_that_is_none_is_refused(pattern: str):
    with pytest.raises(ConfigError, match=r"upstreams\.a\.models"):
        Router([FakeProvider("a", pattern)])


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", "b"),
        ("gpt-4", "a"),
        ("gpt-", "a"),
        ("o1", "b"),
        ("o1-mini", "c"),
        ("gpt-4o-mini", "a"),
        (None, "c"),
    ],
)
def test_exact_beats_prefix_then_the_first_in_order(model: str | None, name: str):
    router = Router(
        [FakeProvider("a", "gpt-*"), FakeProvider("b", "gpt-4o", "o1"), FakeProvider("c", "*", "gpt-4o")]
    )
    assert served(router, model) == name


def test_problems_of_all_are_reported():
    assert Router([FakeProvider("ok", "*"), FakeProvider("ill", "*")]).problems() == ["ill is ill"]


def test_a_start_that_fails_closes_what_was_started():
    first, second = FakeProvider("a", "*"), FakeProvider("b", "*", fails=True)
    with pytest.raises(ConfigError):
        asyncio.run(Router([first, second]).start())
    assert not first.running


def test_all_are_closed_also_where_one_fails_to_close():
    providers = [FakeProvider("a", "*"), FakeProvider("fails to close", "*"), FakeProvider("c", "*")]
    router = Router(providers)

    async def run() -> None:
        await router.start()
        assert all(provider.running for provider in providers)
        with pytest.raises(OSError, match="no"):
            await router.close()

    asyncio.run(run())
    assert not any(provider.running for provider in providers)
