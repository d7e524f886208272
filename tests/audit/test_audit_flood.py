"""How many refusals of strangers are written one by one."""

import pytest

from dataplane.audit.flood import MAX_REASONS, MAX_SOURCES, OTHER_REASON, RefusalGate, Tally, source_of

A, B = "192.0.2.1", "192.0.2.2"


@pytest.mark.parametrize(
    ("arrivals", "admitted"),
    [
        ([(A, 0.0)] * 11, 10),
        ([(A, 0.0)] * 11 + [(A, 0.999)], 10),
        ([(A, 0.0)] * 11 + [(A, 1.0)] * 11, 20),
        ([(A, n / 20) for n in range(41)], 21),  # 20 a second for 2 s: every second one
        ([(A, 0.0)] * 20 + [(B, 0.0)] * 20, 20),
        ([(f"192.0.2.{n}", 0.0) for n in range(60)], 50),
        ([(f"192.0.2.{n}", 0.5) for n in range(60)] + [(A, 1.4)], 50),
        ([(f"192.0.2.{n}", 0.5) for n in range(60)] + [(A, 1.5)], 51),
        ([(f"2001:db8::{n:x}", 0.0) for n in range(20)], 10),
        ([(f"2001:db8:0:{n:x}::1", 0.0) for n in range(20)], 20),
        ([("::ffff:192.0.2.1", 0.0)] * 10 + [(A, 0.0)], 10),
    ],
)
def test_ten_a_second_for_a_source_and_fifty_overall(
    arrivals: list[tuple[str, float]], admitted: int
) -> None:
    gate = RefusalGate()
    assert sum(gate.admits(ip, now) for ip, now in arrivals) == admitted


def test_in_no_second_are_more_written_than_allowed() -> None:
    gate = RefusalGate()
    times = [n / 97 for n in range(1000) if gate.admits(A, n / 97)]
    assert all(later - earlier >= 1.0 for earlier, later in zip(times, times[10:], strict=False))
    assert len(times) >= 90


def test_a_source_that_is_refused_uses_up_nothing_of_the_others() -> None:
    gate = RefusalGate()
    for _ in range(1000):
        gate.admits(A, 0.0)
    assert sum(gate.admits(f"198.51.100.{n}", 0.0) for n in range(60)) == 40


def test_sources_are_remembered_in_a_bounded_table() -> None:
    gate = RefusalGate()
    for n in range(2 * MAX_SOURCES):
        gate.admits(f"10.{n >> 16}.{(n >> 8) & 255}.{n & 255}", n / 10)
    assert len(gate._sources) == MAX_SOURCES


def test_what_is_no_address_is_a_source_of_its_own() -> None:
    assert source_of("fe80::1%eth0").endswith("/64")
    assert source_of("not:an:address") == "not:an:address"
    assert source_of("") == ""


def test_reasons_are_counted_by_name_up_to_a_bound() -> None:
    tally = Tally()
    for n in range(MAX_REASONS + 10):
        tally.add(f"reason.{n}", "flood", n)
    assert tally.counts[OTHER_REASON] == 10
    assert len(tally.counts) == MAX_REASONS + 1
    assert tally.since_us == 0
