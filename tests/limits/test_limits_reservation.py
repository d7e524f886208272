"""What a reservation holds, takes more of, cuts and gives back."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from limits_kit import PARALLEL, RPM, TPH, USD, Clock, S, call, ended, refusal, reserved

from dataplane.domain import CallFacts, CallState, Outcome
from dataplane.errors import Refused
from dataplane.limits.limiter import PolicyLimiter
from dataplane.limits.memory import MemoryStore
from dataplane.limits.store import Claim, Granted, Rejected, StoreUnavailable
from dataplane.quantities import Limit, Usage


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> PolicyLimiter:
    return PolicyLimiter(MemoryStore(clock_us=clock))


class DownStore(MemoryStore):
    """A store that cannot be asked once `down`."""

    down = True

    async def reserve(
        self, reservation: str, slot: str, claims: Sequence[Claim], wants: Sequence[int]
    ) -> Granted | Rejected:
        if self.down:
            raise StoreUnavailable("down")
        return await super().reserve(reservation, slot, claims, wants)


def spend(limiter: PolicyLimiter, limit: Limit, *outputs: int) -> tuple[CallState, list[Refused | None]]:
    """A stream with 10 tokens of prompt and 100 of longest answer that has made so many after each piece."""

    async def main() -> tuple[CallState, list[Refused | None]]:
        state, held = await reserved(limiter, limit)
        assert held.watches == (limit.overrun != "finish")
        found = [await held.spent(Usage(input_tokens=10, output_tokens=made)) for made in outputs]
        cut = any(one is not None for one in found)
        usage = Usage(input_tokens=10, output_tokens=outputs[-1], counted=True)
        ended(state, held, Outcome.LIMIT_CUT if cut else Outcome.OK, usage)
        return state, found

    return asyncio.run(main())


def left(limiter: PolicyLimiter, limit: Limit) -> int:
    """What may still be taken of a budget."""
    state, held = asyncio.run(
        reserved(limiter, limit, tokens=0, facts=CallFacts(prompt_tokens_est=1, max_tokens=1))
    )
    ended(state, held, None)
    headers = dict(state.limit_headers)
    return int(headers[b"x-ratelimit-remaining-tokens"]) + 1


def test_what_was_not_used_is_given_back(limiter: PolicyLimiter) -> None:
    async def main() -> None:
        state, held = await reserved(limiter, RPM, TPH, PARALLEL, USD)
        assert state.reserved[1:] == (110, 0, 210)
        ended(state, held, Outcome.OK, Usage(input_tokens=9, output_tokens=1))
        assert state.settled[1:] == (10, 0, 11)

    asyncio.run(main())
    assert left(limiter, TPH) == 990


def test_a_reservation_is_settled_once(limiter: PolicyLimiter) -> None:
    async def main() -> None:
        state, held = await reserved(limiter, TPH)
        for _ in range(3):
            ended(state, held, None)

    asyncio.run(main())
    assert left(limiter, TPH) == 1000


def test_a_stream_takes_more_while_there_is_more_and_is_then_cut(
    limiter: PolicyLimiter,
) -> None:
    _, found = spend(limiter, TPH, 50, 100, 101, 500, 990, 991)
    assert found[:5] == [None] * 5
    assert found[5] is not None
    assert (found[5].status, found[5].reasons) == (429, ("limit.client.tph",))
    assert left(limiter, replace(TPH, amount=2000)) == 2000 - 1001


def test_what_a_stream_took_more_of_and_did_not_use_is_given_back(limiter: PolicyLimiter) -> None:
    state, found = spend(limiter, TPH, 101)
    assert found == [None]
    assert state.settled == (111,)
    assert left(limiter, TPH) == 1000 - 111


def test_a_stream_may_be_cut_at_once_or_left_to_end(limiter: PolicyLimiter) -> None:
    cut, finish = replace(TPH, id="cut", overrun="cut"), replace(TPH, id="finish", overrun="finish")
    _, found = spend(limiter, cut, 100, 101)
    assert found[0] is None
    assert found[1] is not None
    assert (found[1].reasons, found[1].retry_after_s) == (("limit.cut",), None)
    assert spend(limiter, finish, 5000)[1] == [None]
    refused = refusal(limiter, finish)
    assert refused is not None
    assert refused.reasons == ("limit.finish",)


def test_a_store_that_is_down_refuses_the_call_and_cuts_the_stream() -> None:
    store = DownStore(clock_us=Clock())
    limiter = PolicyLimiter(store)
    refused = refusal(limiter, TPH)
    assert refused is not None
    assert (refused.status, refused.reasons) == (503, ("gateway.limits_unavailable",))

    async def main() -> Refused | None:
        store.down = False
        _, held = await reserved(limiter, TPH)
        store.down = True
        return await held.spent(Usage(input_tokens=10, output_tokens=101))

    cut = asyncio.run(main())
    assert cut is not None
    assert cut.reasons == ("gateway.limits_unavailable",)


def test_no_limits_cost_nothing_and_no_prompt_is_counted_where_none_matters(limiter: PolicyLimiter) -> None:
    class Never:
        async def prompt_tokens(self) -> int:
            raise AssertionError("counted")

    async def main() -> None:
        for limits in ((), (RPM,), (PARALLEL,)):
            state = call(*limits)
            held = await limiter.reserve(state, Never())  # type: ignore[arg-type]  # all that is asked
            assert not held.watches
            ended(state, held, Outcome.OK)

    asyncio.run(main())
    assert len(limiter.store) == 1  # type: ignore[arg-type]  # the rate's cell


def test_the_caller_is_told_in_the_words_of_its_sdk(limiter: PolicyLimiter, clock: Clock) -> None:
    async def main() -> CallState:
        state, _ = await reserved(limiter, RPM, replace(RPM, id="wide", amount=1000), TPH)
        return state

    state = asyncio.run(main())
    assert dict(state.limit_headers) == {
        b"x-ratelimit-limit-requests": b"3",
        b"x-ratelimit-remaining-requests": b"2",
        b"x-ratelimit-reset-requests": b"20s",
        b"x-ratelimit-limit-tokens": b"1000",
        b"x-ratelimit-remaining-tokens": b"890",
        b"x-ratelimit-reset-tokens": b"1h0m40s",
    }
    assert state.held_us is not None
    assert 3600 * S < state.held_us - clock.us <= 3660 * S


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        (replace(TPH, amount=100), "it may take 110 tokens, and the limit allows 100 in all"),
        (replace(TPH, amount=0), "its amount is 0"),
        (replace(PARALLEL, amount=0), "its amount is 0"),
    ],
)
def test_where_no_waiting_helps_the_caller_is_told_not_to_try_again(
    limiter: PolicyLimiter, limit: Limit, why: str
) -> None:
    state = call(limit)

    class Unit:
        async def prompt_tokens(self) -> int:
            return 10

    with pytest.raises(Refused) as caught:
        asyncio.run(limiter.reserve(state, Unit()))  # type: ignore[arg-type]  # all that is asked
    assert (caught.value.code, caught.value.retry_after_s) == ("request_exceeds_limit", None)
    assert why in caught.value.message
    assert (b"x-should-retry", b"false") in state.limit_headers
