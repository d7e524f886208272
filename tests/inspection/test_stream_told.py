"""What a stream remembers of its findings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dataplane.inspection.stream_told import Told

KINDS = ("pii.email", "pii.ip", "secret.generic")


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(KINDS), st.integers(0, 40), st.integers(1, 9), st.integers(0, 2)),
            st.integers(0, 50),
        ),
        max_size=40,
    ),
    st.sampled_from((0, 2**32 - 60)),
)
def test_a_finding_is_told_once_and_again_only_where_it_is_worse(steps: list, base: int) -> None:
    told, known = Told(), []
    for step in steps:
        if isinstance(step, int):
            told.forget(base + step)
            known = [each for each in known if each[2] > base + step]
            continue
        kind, start, length, rank = step
        start, end = base + start, base + start + length
        new = not any(
            each[0] == kind and each[3] >= rank and each[1] < end and start < each[2] for each in known
        )
        assert told.tell(kind, start, end, rank) == new
        if new:
            known.append((kind, start, end, rank))


def test_far_into_a_stream_findings_are_told_rather_than_remembered() -> None:
    told = Told()
    assert [told.tell("pii.email", 2**32, 2**32 + 6, 1) for _ in range(2)] == [True, True]
