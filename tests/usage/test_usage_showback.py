"""Sums over records: exact, each call once, however they are split and wherever the pages end."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usage_kit import NOW_S, Books, completion, with_books

from dataplane.errors import RegoGateError
from dataplane.usage.calls import Call, Ended, pages
from dataplane.usage.showback import BY, OTHER, Showback, Sums, usd

DAY_S = 86_400
LIMITS = json.dumps([{"unit": unit} for unit in ("requests", "tokens", "tokens", "usd")])
START_US, END_US = (NOW_S - DAY_S) * 1_000_000, (NOW_S + DAY_S) * 1_000_000


async def read(
    books: Books, since_us: int = START_US, until_us: int = END_US, page: int = 2000
) -> list[Call]:
    return [call async for one in pages(books.database, since_us, until_us, page=page) for call in one.calls]


async def made(books: Books, tenant: str, at_s: float, ends_s: float | None, **fields: Any) -> None:
    """A call with its intent, and its completion unless it died."""
    request_id = fields.pop("request_id", f"q-{at_s}")
    about = {"request_id": request_id, "tenant": tenant, "client_id": "app", "model": "m"}
    [intent] = await books.write(
        {"kind": "intent", "at_s": at_s, **about, "limits": LIMITS, "limits_reserved": "[1,500,400,70]"}
    )
    if ends_s is not None:
        await books.write(
            {"kind": "completion", "at_s": ends_s, **about, "intent_id": intent, "tokens_in": 3, **fields}
        )


def test_calls_are_told_once_whatever_the_page(url: str) -> None:
    async def story(books: Books) -> None:
        for n in range(6):
            await made(books, "acme", NOW_S + n, NOW_S + n + 0.5, tokens_out=n, cost_microusd=10)
        await made(books, "acme", NOW_S, None, request_id="dead")
        await books.write({"kind": "deny", "at_s": NOW_S, "client_id": "app", "status": 403})
        await books.write({"kind": "deny", "at_s": NOW_S, "count": 17})
        await books.write({"kind": "beat", "at_s": NOW_S})
        for page in (1, 2, 3, 2000):
            calls = await read(books, page=page)
            assert sum(call.tokens_out for call in calls if call.ended is Ended.MADE) == 15
            assert sum(call.count for call in calls if call.ended is Ended.MADE) == 6
            assert sum(call.count for call in calls if call.ended is Ended.REFUSED) == 18
            [dead] = [call for call in calls if call.ended is Ended.OPEN]
            assert (dead.tenant, dead.tokens_in, dead.cost) == ("acme", 500, 70)

    with_books(url, story)


def test_periods_that_adjoin_add_up(url: str) -> None:
    """A call counts when it ended, so one that spans the border is in the later period, and open in none."""

    async def story(books: Books) -> None:
        border = NOW_S * 1_000_000
        await made(books, "acme", NOW_S - 5, NOW_S - 1, tokens_out=1)
        await made(books, "acme", NOW_S - 4, NOW_S, tokens_out=2)
        await made(books, "acme", NOW_S - 3, NOW_S + 9, tokens_out=4)
        before = await read(books, START_US, border)
        after = await read(books, border, END_US)
        assert [(call.ended, call.tokens_out) for call in before] == [(Ended.MADE, 1)]
        assert [(call.ended, call.tokens_out) for call in after] == [(Ended.MADE, 2), (Ended.MADE, 4)]
        whole = await read(books)
        assert sum(call.tokens_out for call in whole) == 7

    with_books(url, story)


def test_a_completion_that_was_committed_late_is_told_and_a_clock_that_went_back_not_twice(
    sqlite_url: str,
) -> None:
    async def story(books: Books) -> None:
        await made(books, "acme", NOW_S, NOW_S - 3, tokens_out=1)
        assert [call.tokens_out for call in await read(books)] == [1]
        await made(books, "acme", NOW_S + 1, None, request_id="late")
        found = pages(books.database, START_US, END_US)
        told = [*(await anext(found)).calls]
        [late] = [row["id"] for row in await books.canonical() if row["request_id"] == "late"]
        await books.write(
            {
                "kind": "completion",
                "at_s": NOW_S + 2,
                "request_id": "late",
                "intent_id": late,
                "tokens_out": 8,
            }
        )
        told += [call async for one in found for call in one.calls]
        assert [(call.ended, call.tokens_out) for call in told] == [(Ended.MADE, 1), (Ended.MADE, 8)]

    with_books(sqlite_url, story)


CALLS = st.builds(
    Call,
    ended=st.sampled_from(Ended),
    time_us=st.integers(START_US, END_US),
    client=st.sampled_from([None, "a", "b"]),
    tenant=st.sampled_from([None, "acme", "=1+1"]),
    model=st.sampled_from([None, "m1", "m2"]),
    operation=st.just("chat.completions.create"),
    tokens_in=st.integers(0, 2**53),
    tokens_out=st.integers(0, 2**53),
    cost=st.none() | st.integers(0, 2**53),
    count=st.integers(1, 1000),
)


def total(sums: Iterable[Sums], name: str) -> int:
    return sum(int(getattr(one, name)) for one in sums)


@settings(deadline=None)  # a machine that is shared
@given(
    calls=st.lists(CALLS, max_size=40),
    by=st.lists(st.sampled_from(sorted(BY)), unique=True, max_size=3),
    limit=st.integers(1, 6),
)
def test_the_groups_add_up_to_the_total_and_the_total_to_the_calls(
    calls: list[Call], by: list[str], limit: int
) -> None:
    sums = Showback(by=by, limit=limit)
    sums.add(calls[:7])
    sums.add(calls[7:])
    rows = [one for _, one in sums.rows()]
    for name in Sums.__dataclass_fields__:
        assert total(rows, name) == getattr(sums.total, name)
    assert len(rows) <= limit + 1
    ended = [call for call in calls if call.ended is Ended.MADE]
    assert sums.total.cost_microusd == sum(call.cost or 0 for call in ended)
    assert sums.total.tokens_in + sums.total.tokens_out == sum(c.tokens_in + c.tokens_out for c in ended)
    assert sums.total.refused == sum(call.count for call in calls if call.ended is Ended.REFUSED)


def test_a_model_without_a_price_is_counted_apart_never_as_free() -> None:
    sums = Sums()
    about: Any = {
        "ended": Ended.MADE,
        "time_us": 0,
        "client": "a",
        "tenant": None,
        "model": "m",
        "operation": "o",
    }
    sums.add(Call(**about, tokens_in=5, tokens_out=6, cost=None))
    sums.add(Call(**about, tokens_in=5, tokens_out=6, cost=0))
    sums.add(Call(**about))  # a list of models: nothing to pay for
    assert (sums.calls, sums.cost_microusd, sums.unpriced_calls, sums.unpriced_tokens) == (3, 0, 1, 11)


def test_only_the_clients_asked_for_count() -> None:
    about: Any = {"ended": Ended.MADE, "time_us": 0, "tenant": None, "model": "m", "operation": "o"}
    sums = Showback(by=["client"], only={"client": frozenset({"a"}), "model": frozenset()})
    sums.add([Call(**about, client="a"), Call(**about, client="b"), Call(**about, client=None)])
    assert sums.rows() == [(("a",), sums.total)]
    assert sums.total.calls == 1


def test_beyond_the_limit_calls_are_one_group_at_the_end() -> None:
    about: Any = {"ended": Ended.REFUSED, "time_us": 0, "client": None, "tenant": None, "operation": "o"}
    sums = Showback(by=["model", "tenant"], limit=2)
    sums.add([Call(**about, model=f"m{n}") for n in range(5)])
    assert [key for key, _ in sums.rows()] == [("m0", None), ("m1", None), (OTHER, OTHER)]
    assert [one.refused for _, one in sums.rows()] == [1, 1, 3]


@pytest.mark.parametrize(
    ("microusd", "said"),
    [
        (0, "0.000000"),
        (1, "0.000001"),
        (1_500_000, "1.500000"),
        (-2_000_001, "-2.000001"),
        (10**21, f"{10**15}.000000"),
    ],
)
def test_money_is_told_without_floating_point(microusd: int, said: str) -> None:
    assert usd(microusd) == said


def test_a_completion_without_its_intent_is_told(sqlite_url: str) -> None:
    async def story(books: Books) -> None:
        await books.write(completion("app", NOW_S, 30))
        [call] = await read(books)
        assert (call.client, call.tokens_in + call.tokens_out) == ("app", 30)

    with_books(sqlite_url, story)


@pytest.mark.parametrize("bytes_", [b"x", b"[]", b"{}"])
def test_a_record_that_is_none_is_named(sqlite_url: str, bytes_: bytes) -> None:
    async def story(books: Books) -> None:
        await books.write(completion("app", NOW_S, 30))
        sql = "UPDATE records SET canonical = ?"
        await books.database.run(lambda connection: connection.exec_driver_sql(sql, (bytes_,)))
        with pytest.raises(RegoGateError, match="record number 1 "):
            await read(books)

    with_books(sqlite_url, story)
