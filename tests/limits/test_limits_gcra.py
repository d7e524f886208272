"""The arithmetic of one rate: its bound, its fairness, its exact waits."""

from hypothesis import given
from hypothesis import strategies as st

from dataplane.limits.gcra import changed, empty_us, left, tat_after, wait_us
from dataplane.limits.store import Rate

MINUTE_US = 60_000_000

rates = st.builds(
    lambda amount, period_us, burst: Rate(
        cell="", amount=amount, period_us=period_us, burst=min(burst, amount)
    ),
    st.integers(1, 12),
    st.one_of(st.integers(1, 1000), st.just(MINUTE_US)),
    st.integers(1, 12),
)


def admitted(rate: Rate, times: list[int]) -> list[int]:
    tat, result = 0, []
    for now in times:
        if wait_us(rate, tat, now) == 0:
            tat = tat_after(rate, tat, now)
            result.append(now)
    return result


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[Rate, list[int]]:
    rate = draw(rates)
    gaps = draw(st.lists(st.integers(0, 2 * rate.period_us // rate.amount), max_size=60))
    now = draw(st.integers(0, 10**15))
    times = []
    for gap in gaps:
        now += gap
        times.append(now)
    return rate, times


@given(arrivals())
def test_no_window_admits_more_than_burst_plus_rate_times_its_length(drawn: tuple[Rate, list[int]]) -> None:
    rate, times = drawn
    passed = admitted(rate, times)
    for first, start in enumerate(passed):
        for count, end in enumerate(passed[first:], 1):
            assert (count - rate.burst) * rate.period_us <= rate.amount * (end - start)


@given(rates, st.integers(0, 10**15), st.integers(0, 5), st.integers(1, 80))
def test_a_caller_who_keeps_to_the_rate_is_never_refused(
    rate: Rate, start: int, slack: int, calls: int
) -> None:
    gap = -(-rate.period_us // rate.amount) + slack
    times = [start + k * gap for k in range(calls)]
    assert admitted(rate, times) == times


@given(st.integers(2, 1000), st.integers(0, 10**15))
def test_a_steady_caller_is_not_refused_where_the_gap_is_no_whole_microsecond(
    amount: int, start: int
) -> None:
    rate = Rate(cell="", amount=amount, period_us=MINUTE_US, burst=2)
    times = [start + k * MINUTE_US // amount for k in range(300)]
    assert admitted(rate, times) == times


@given(rates, st.integers(0, 10**15), st.integers(0, 40))
def test_the_wait_is_exact_to_the_microsecond(rate: Rate, now: int, used: int) -> None:
    tat = 0
    for _ in range(used):
        tat = tat_after(rate, tat, now)
    wait = wait_us(rate, tat, now)
    assert (wait > 0) == (used >= rate.burst)
    assert left(rate, tat, now) == rate.burst - used
    if wait:
        assert wait_us(rate, tat, now + wait) == 0
        assert wait_us(rate, tat, now + wait - 1) == 1


def test_the_whole_burst_is_admitted_at_once_and_no_call_more() -> None:
    rate = Rate(cell="", amount=60, period_us=MINUTE_US, burst=60)
    assert len(admitted(rate, [5] * 100)) == 60


def test_an_emptied_bucket_is_as_if_never_used() -> None:
    rate = Rate(cell="", amount=7, period_us=MINUTE_US, burst=3)
    tat = tat_after(rate, tat_after(rate, 0, 100), 100)
    end = empty_us(rate, tat)
    assert tat_after(rate, tat, end) == tat_after(rate, 0, end)
    assert tat_after(rate, tat, end - 1) > tat_after(rate, 0, end - 1)


def test_a_changed_amount_keeps_the_moment_of_emptiness() -> None:
    old = Rate(cell="", amount=7, period_us=MINUTE_US, burst=7)
    new = Rate(cell="", amount=30, period_us=MINUTE_US, burst=30)
    tat = tat_after(old, 0, 1)
    assert empty_us(new, changed(tat, old, new)) == empty_us(old, tat)
    assert changed(tat, old, old) == tat
