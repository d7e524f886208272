"""Budgets and places of a store, put to any order of calls: never above, never refused for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from limits_kit import Clock, S

from dataplane.limits.memory import MemoryStore
from dataplane.limits.store import Budget, Claim, Granted, Lease, Past, Rate, Rejected
from dataplane.limits.windows import DAY_US, PERIOD_US, SLOTS, forgotten_at, oldest_live, slot_at

AMOUNT = 100
MINUTE = Budget(cell="m", amount=AMOUNT, period_us=PERIOD_US["minute"], per="minute", calendar=False)
MONTH = Budget(cell="c", amount=AMOUNT, period_us=PERIOD_US["month"], per="month", calendar=True)


@dataclass
class Call:
    """An admitted call: when, and what it counts as now."""

    at_us: int
    counts: int


def take(store: MemoryStore, name: str, want: int, *claims: Claim) -> Granted | Rejected:
    """One admission. It awaits nothing, so no event loop is needed."""
    wants = [want if isinstance(claim, Budget) else 1 for claim in claims]
    try:
        store.reserve(name, "t", claims, wants).send(None)
    except StopIteration as done:
        answer: Granted | Rejected = done.value
        return answer
    raise AssertionError("it waited")


steps = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 3 * S), st.integers(0, 90 * S)),  # the time that passes before the call
        st.integers(1, AMOUNT),  # what it wants
        st.one_of(st.none(), st.integers(0, 100)),  # the percentage of it that is spent, at once
    ),
    max_size=60,
)


@given(steps)
def test_no_rolling_window_ever_holds_more_than_the_amount_and_none_is_refused_for_less(
    drawn: list[tuple[int, int, int | None]],
) -> None:
    clock = Clock()
    store = MemoryStore(clock_us=clock)
    made: list[Call] = []
    for n, (gap, want, percent) in enumerate(drawn):
        clock.us += gap
        answer = take(store, str(n), want, MINUTE)
        within = [call for call in made if clock.us - call.at_us <= MINUTE.period_us]
        near = [call for call in made if clock.us - call.at_us < MINUTE.period_us * (SLOTS + 1) // SLOTS]
        if isinstance(answer, Rejected):
            assert sum(call.counts for call in near) + want > AMOUNT
            continue
        assert sum(call.counts for call in within) + want <= AMOUNT
        call = Call(clock.us, want)
        made.append(call)
        if percent is not None:
            call.counts = want * percent // 100
            store.settle(answer, "t", [MINUTE], [want], [call.counts])


@given(steps, st.integers(1, AMOUNT))
def test_the_wait_of_a_budget_is_exact(drawn: list[tuple[int, int, int | None]], want: int) -> None:
    clock = Clock()
    store = MemoryStore(clock_us=clock)
    for n, (gap, other, _) in enumerate(drawn):
        clock.us += gap
        take(store, str(n), other, MINUTE)
    answer = take(store, "last", want, MINUTE)
    if isinstance(answer, Rejected):
        assert answer.wait_us is not None
        clock.us += answer.wait_us - 1
        assert isinstance(take(store, "early", want, MINUTE), Rejected)
        clock.us += 1
        assert isinstance(take(store, "then", want, MINUTE), Granted)


@given(steps, st.integers(0, 28 * DAY_US))
def test_a_calendar_month_holds_no_more_than_the_amount_and_all_of_it(
    drawn: list[tuple[int, int, int | None]], offset: int
) -> None:
    clock = Clock()
    clock.us += offset
    store = MemoryStore(clock_us=clock)
    by_month: dict[tuple[int, int], int] = {}
    for n, (gap, want, _) in enumerate(drawn):
        clock.us += gap * 20_000
        at = datetime.fromtimestamp(clock.us // S, UTC)
        month = (at.year, at.month)
        admitted = isinstance(take(store, str(n), want, MONTH), Granted)
        assert admitted == (by_month.get(month, 0) + want <= AMOUNT)
        if admitted:
            by_month[month] = by_month.get(month, 0) + want


def test_more_than_the_whole_amount_never_passes_and_says_so() -> None:
    store = MemoryStore(clock_us=Clock())
    answer = take(store, "a", AMOUNT + 1, MINUTE)
    assert isinstance(answer, Rejected)
    assert answer.wait_us is None


def test_what_was_spent_beyond_the_reservation_counts_above_the_amount() -> None:
    clock = Clock()
    store = MemoryStore(clock_us=clock)
    answer = take(store, "a", 90, MINUTE)
    assert isinstance(answer, Granted)
    clock.us += 30 * S
    store.settle(answer, "t", [MINUTE], [90], [250])
    refused = take(store, "b", 1, MINUTE)
    assert isinstance(refused, Rejected)
    # The 90 go with their minute; what came later stays for a minute of its own.
    clock.us += 40 * S
    assert isinstance(take(store, "c", 1, MINUTE), Rejected)
    clock.us += 25 * S
    assert isinstance(take(store, "d", 1, MINUTE), Granted)


def test_nothing_is_given_back_to_a_period_that_is_not_its_own() -> None:
    clock = Clock()
    store = MemoryStore(clock_us=clock)
    old = take(store, "old", 60, MINUTE)
    assert isinstance(old, Granted)
    clock.us += 70 * S
    take(store, "new", 100, MINUTE)
    store.settle(old, "t", [MINUTE], [60], [0])
    assert isinstance(take(store, "more", 1, MINUTE), Rejected)


def test_all_claims_are_taken_or_none() -> None:
    store = MemoryStore(clock_us=Clock())
    rate = Rate(cell="r", amount=2, period_us=60 * S, burst=2)
    places = Lease(cell="l", amount=2)
    assert isinstance(take(store, "full", 100, MINUTE), Granted)
    for n in range(5):
        refused = take(store, str(n), 1, rate, places, MINUTE)
        assert isinstance(refused, Rejected)
        assert refused.index == 2
        assert list(refused.remaining) == [2, 2, 0]
    assert isinstance(take(store, "a", 0, rate, places), Granted)


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 4))
def test_no_more_reservations_hold_a_place_than_there_are(starts: list[bool], amount: int) -> None:
    store = MemoryStore(clock_us=Clock())
    places = Lease(cell="l", amount=amount)
    held: list[Granted] = []
    for n, begins in enumerate(starts):
        if begins:
            answer = take(store, str(n), 1, places)
            assert isinstance(answer, Granted) == (len(held) < amount)
            if isinstance(answer, Granted):
                assert list(answer.remaining) == [amount - len(held) - 1]
                held.append(answer)
        elif held:
            store.settle(held.pop(), "t", [places], [1], [1])
    for one in held:
        store.settle(one, "t", [places], [1], [1])
    assert len(store) == 0


@given(st.integers(0, 4_000_000_000 * S), st.sampled_from(["minute", "hour", "day", "month"]), st.booleans())
def test_a_slot_counts_from_its_first_moment_until_it_is_forgotten(us: int, per: str, calendar: bool) -> None:
    budget = Budget(cell="x", amount=1, period_us=PERIOD_US[per], per=per, calendar=calendar)
    slot = slot_at(budget, us)
    end = forgotten_at(budget, slot)
    assert us < end
    assert oldest_live(budget, us) <= slot
    assert oldest_live(budget, end - 1) <= slot < oldest_live(budget, end)
    if not calendar:
        assert PERIOD_US[per] < end - us <= PERIOD_US[per] * (SLOTS + 1) // SLOTS


@given(steps)
def test_a_store_that_was_told_what_was_taken_decides_as_the_one_that_took_it(
    drawn: list[tuple[int, int, int | None]],
) -> None:
    clock = Clock()
    rate = Rate(cell="r", amount=6, period_us=PERIOD_US["minute"], burst=5)
    first, second = MemoryStore(clock_us=clock), MemoryStore(clock_us=clock)
    past: list[Past] = []
    for n, (gap, want, _) in enumerate(drawn):
        clock.us += gap
        answer = take(first, str(n), want, rate, MINUTE)
        if isinstance(answer, Granted):
            past.append(Past(claim=rate, at_us=clock.us, taken=answer.reset_us[0]))
            past.append(Past(claim=MINUTE, at_us=clock.us, taken=want))
    second.restore(past[::-1])
    for n in range(6):
        told, taken = take(second, f"x{n}", 13, rate, MINUTE), take(first, f"x{n}", 13, rate, MINUTE)
        assert type(told) is type(taken)
        assert list(told.remaining) == list(taken.remaining)
        clock.us += 7 * S
