"""What becomes of a reservation, on every way a call can end."""

import asyncio

import pytest
from pipeline_fakes import FakeClient, FakeHouse, new_state, upstream_failure

from dataplane.domain import Outcome
from dataplane.errors import Refused
from dataplane.quantities import Usage

STREAM = "text/event-stream"


def run(house: FakeHouse, *, leaves_after: int | None = None) -> FakeClient:
    client = FakeClient(house.journal, leaves_after=leaves_after)
    asyncio.run(house.pipeline().handle(new_state(), client, None))
    return client


def settled(house: FakeHouse) -> list[Outcome | None]:
    """How the reservation was settled, having looked that it was before the completion."""
    assert house.journal.count("settle") <= 1
    ends = [index for index, what in enumerate(house.journal) if what.startswith("completion")]
    assert all(house.journal.index("settle") < end for end in ends)
    return house.reservation.settled


def test_a_refused_reservation_is_not_settled() -> None:
    house = FakeHouse()
    house.limit_fails = Refused("gateway.limits_unavailable")
    assert run(house).status == 503
    assert settled(house) == []


@pytest.mark.parametrize(
    ("reason", "outcome"), [(None, Outcome.OK), ("gateway.model_not_found", Outcome.NOT_FORWARDED)]
)
def test_a_call_that_was_made_or_not_is_settled_as_such(reason: str | None, outcome: Outcome) -> None:
    house = FakeHouse()
    house.upstream_fails = None if reason is None else Refused(reason)
    run(house)
    assert settled(house) == [outcome]


def test_a_call_whose_intent_was_not_durable_is_settled_as_never_begun() -> None:
    house = FakeHouse()
    house.intent_fails = Refused("gateway.audit_unavailable")
    run(house)
    assert settled(house) == [None]


def test_a_caller_that_leaves_while_the_intent_is_written_gives_everything_back() -> None:
    house = FakeHouse()
    house.intent_waits = asyncio.Event()

    async def main() -> None:
        task = asyncio.create_task(house.pipeline().handle(new_state(), FakeClient(house.journal), None))
        while "constrain " not in house.journal:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert settled(house) == [None]


def test_a_provider_that_fails_and_a_caller_that_leaves_are_settled_as_such() -> None:
    failed, left = FakeHouse(), FakeHouse()
    failed.upstream_fails = upstream_failure()
    run(failed)
    left.content_type, left.pieces = STREAM, [b"a", b"b", b"c"]
    run(left, leaves_after=1)
    assert (settled(failed), settled(left)) == ([Outcome.UPSTREAM_ERROR], [Outcome.CLIENT_CLOSED])


def test_a_stream_tells_what_it_spends_only_to_who_watches() -> None:
    for watches in (False, True):
        house = FakeHouse()
        house.reservation.watches = watches
        house.content_type, house.pieces = STREAM, [b"a", b"b"]
        assert run(house).sent == b"ab[end]"
        assert house.reservation.told == [Usage(input_tokens=1, output_tokens=2)] * (2 * watches)


def test_a_stream_over_its_limit_is_cut_before_the_piece_that_was_too_much() -> None:
    house = FakeHouse()
    house.reservation.watches, house.reservation.cuts_at = True, 2
    house.content_type, house.pieces = STREAM, [b"a", b"b", b"c"]
    client = run(house)
    assert client.sent == b"a[cut]"
    assert client.ended
    assert house.upstream_closed
    assert settled(house) == house.outcomes == [Outcome.LIMIT_CUT]


def test_a_stream_over_its_limit_at_its_first_piece_is_a_429() -> None:
    house = FakeHouse()
    house.reservation.watches, house.reservation.cuts_at = True, 1
    house.content_type, house.pieces = STREAM, [b"a", b"b"]
    client = run(house)
    assert (client.status, client.sent) == (429, b"request_exceeds_limit")
    assert house.outcomes == [Outcome.LIMIT_CUT]
    assert client.headers[b"x-regogate-reasons"] == b"limit.client.tph"


def test_a_stream_whose_answer_has_passed_is_not_cut_for_its_last_words() -> None:
    house = FakeHouse()
    house.reservation.watches, house.reservation.cuts_at = True, 2
    house.content_type, house.pieces = STREAM, [b"a", b"last"]
    assert run(house).sent == b"alast[end]"
    assert house.outcomes == [Outcome.OK]


def test_the_callers_own_limit_is_told_and_not_that_of_the_providers_account() -> None:
    house = FakeHouse()
    house.limit_headers = ((b"x-ratelimit-limit-tokens", b"500"),)
    house.reply_headers = (("x-ratelimit-limit-tokens", "90000"), ("x-ratelimit-limit-requests", "7"))
    client = run(house)
    assert client.headers[b"x-ratelimit-limit-tokens"] == b"500"
    assert client.headers[b"x-ratelimit-limit-requests"] == b"7"
