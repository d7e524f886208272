"""Whose calls a canary decides, which candidates may, and that nothing stands in for one that is down."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import replace

import pytest
from opa_kit import call
from trial_kit import FakeActive, caller, trial

from dataplane.errors import Refused
from dataplane.policy.canary import Canary, CandidateRefused, may_decide, takes
from dataplane.trial import TrialKind

CLIENTS = [f"client-{number}" for number in range(20_000)]


def canary(seq: int = 1, share: float = 0.05, **changes: object):
    return trial(TrialKind.CANARY, seq, share_ppm=round(share * 1_000_000), **changes)


@pytest.mark.parametrize("share", [0.001, 0.05, 0.5, 0.99])
def test_the_share_of_clients_is_right(share: float) -> None:
    one = canary(share=share)
    count = sum(takes(one, client) for client in CLIENTS)
    deviation = (len(CLIENTS) * share * (1 - share)) ** 0.5
    assert abs(count - len(CLIENTS) * share) < 4 * deviation


def test_a_share_of_one_is_everybody() -> None:
    assert all(takes(canary(share=1.0), client) for client in CLIENTS[:1000])


def test_the_choice_is_the_documented_hash() -> None:
    one = canary(share=0.25)
    for client in [*CLIENTS[:200], "", "ä", "a\0b"]:
        digest = hashlib.sha256(one.revision.encode() + b"\0" + client.encode()).digest()
        assert takes(one, client) == (int.from_bytes(digest[:8], "big") / 2**64 < 0.25)


def test_a_growing_share_keeps_its_clients_and_another_candidate_draws_others() -> None:
    few, more, other = canary(share=0.05), canary(share=0.2), canary(seq=2, share=0.05)
    chosen = {client for client in CLIENTS if takes(few, client)}
    assert chosen <= {client for client in CLIENTS if takes(more, client)}
    assert len(chosen & {client for client in CLIENTS if takes(other, client)}) < len(chosen) / 5


def test_the_id_of_the_trial_does_not_matter_so_that_a_restart_or_replica_agrees() -> None:
    one = canary()
    assert all(takes(one, client) == takes(replace(one, id="x"), client) for client in CLIENTS[:500])


@pytest.mark.parametrize(
    ("changes", "channels", "seq", "floor", "why"),
    [
        ({"signed_for": "staging"}, ("canary",), 9, 1, r"staging may decide nothing beside prod: list"),
        ({"signed_for": "staging"}, (), 9, 1, "policy.canary_channels"),
        ({"signed_for": "prod"}, (), 4, 5, "its sequence 4 is below 5, which prod had already"),
    ],
)
def test_a_candidate_that_must_not_decide_is_refused(
    changes: dict[str, str], channels: tuple[str, ...], seq: int, floor: int, why: str
) -> None:
    with pytest.raises(CandidateRefused, match=why):
        may_decide(canary(**changes), channels=channels, seq=seq, floor=floor)


@pytest.mark.parametrize(
    ("changes", "channels", "seq", "floor"),
    [
        ({"signed_for": "prod"}, (), 5, 5),
        ({"signed_for": "prod", "begun": True}, (), 4, 5),
        ({"signed_for": "canary"}, ("canary",), 1, 5),
        ({"signed_for": "staging"}, ("*",), 1, 5),
    ],
)
def test_a_candidate_of_the_own_or_a_listed_channel_may_decide(
    changes: dict[str, str], channels: tuple[str, ...], seq: int, floor: int
) -> None:
    may_decide(canary(**changes), channels=channels, seq=seq, floor=floor)


def test_without_an_engine_its_clients_are_refused_and_stamped() -> None:
    async def main() -> None:
        counts: Counter[str] = Counter()
        one, state = Canary(canary(), counts), caller("demo")
        with pytest.raises(Refused) as caught:
            await one.decide(state)
        assert caught.value.reasons == ("gateway.policy_unavailable",)
        assert state.canary
        assert counts == {"refused": 1}

    asyncio.run(main())


def test_a_call_of_an_unknown_caller_is_not_its() -> None:
    async def main() -> None:
        state = call()
        state.identity = None
        assert not Canary(canary(share=1.0), Counter()).takes(state)

    asyncio.run(main())


def test_draining_waits_for_the_calls_it_is_asked_about() -> None:
    class Slow(FakeActive):
        gate = asyncio.Event()

        async def decide(self, state, looks=None):  # type: ignore[no-untyped-def]
            await self.gate.wait()
            return await super().decide(state, looks)

    async def main() -> None:
        one = Canary(canary(), Counter())
        one.engine = slow = Slow()
        asked = asyncio.create_task(one.decide(caller("demo")))
        await asyncio.sleep(0)
        draining = asyncio.create_task(one.drained(10))
        await asyncio.sleep(0)
        assert not draining.done()
        slow.gate.set()
        await draining
        await asked
        await one.drained(0)

    asyncio.run(main())
