from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.ports import UpstreamFailed
from dataplane.surfaces.sse import MAX_EVENT_BYTES, Event, EventSplitter, with_data


def split(*pieces: bytes) -> list[Event]:
    splitter = EventSplitter()
    return [event for piece in pieces for event in splitter.feed(piece)]


def data_of(*pieces: bytes) -> list[tuple[bytes | None, bytes]]:
    """Name and data of every event that has data."""
    return [(event.name, event.data) for event in split(*pieces) if event.data is not None]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_lines_end_in_lf_cr_or_crlf(end: bytes) -> None:
    stream = end.join([b"data: 1", b"", b"event: x", b"data:2", b"data:  3", b"", b""])
    assert data_of(stream) == [(None, b"1"), (b"x", b"2\n 3")]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b": comment\n\n", []),
        (b": ping\ndata: 1\n\n", [(None, b"1")]),
        (b"\n\n\ndata: 1\n\n\n\n", [(None, b"1")]),
        (b"data\n\n", [(None, b"")]),
        (b"data:\n\n", [(None, b"")]),
        (b"id: 7\nretry: 5\n\n", []),
        (b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n", [(None, b"1")]),
        (b"datax: 1\n\n", []),
        (b" data: 1\n\n", []),
        (b"data: a:b\n\n", [(None, b"a:b")]),
        (b"data: 1\r\n\n", [(None, b"1")]),
        (b"data: 1\n\r", [(None, b"1")]),
        (b"data: 1\r\ndata: 2\n\r\n", [(None, b"1\n2")]),
    ],
)
def test_fields_comments_and_blank_lines_are_read_as_the_standard_says(
    stream: bytes, events: list[tuple[bytes | None, bytes]]
) -> None:
    assert data_of(stream) == events


def test_an_event_is_given_when_its_blank_line_came_and_not_before() -> None:
    splitter = EventSplitter()
    assert splitter.feed(b"data: 1\n") == []
    assert splitter.feed(b"") == []
    assert [event.data for event in splitter.feed(b"\ndata: 2")] == [b"1"]
    last = splitter.end()
    assert last is not None
    assert (last.data, last.raw) == (b"2", b"data: 2\n\n")
    assert splitter.end() is None


def test_a_cr_ends_an_event_at_once_and_its_late_lf_is_passed_on_alone() -> None:
    assert split(b"data: 1\r\n\r", b"\ndata: 2\n\n") == [
        Event(b"data: 1\r\n\r", b"1"),
        Event(b"\n", None),
        Event(b"data: 2\n\n", b"2"),
    ]


@pytest.mark.parametrize("pieces", [1, 3000])
def test_an_event_too_large_fails_whether_it_ends_or_not(pieces: int) -> None:
    size = MAX_EVENT_BYTES // pieces + 1
    with pytest.raises(UpstreamFailed) as caught:
        split(*[b"x" * size] * pieces)
    assert caught.value.refused.reasons == ("gateway.upstream_invalid",)
    with pytest.raises(UpstreamFailed):
        split(b"x" * MAX_EVENT_BYTES + b"\n\n")
    assert len(split(b"x" * (MAX_EVENT_BYTES - 2) + b"\n\n")) == 1


LINES = st.sampled_from(
    [b"data: 1", b"data:", b"data", b": c", b"event: e", b"id: 1", b"", b"x", b"\xef\xbb\xbfdata: 2"]
)
STREAMS = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r", b"\r\n"])), max_size=14).map(
    lambda lines: b"".join(line + end for line, end in lines)
) | st.lists(st.sampled_from([b"\n", b"\r", b"data: 1", b":"]), max_size=14).map(b"".join)


@settings(derandomize=True, database=None, deadline=None, max_examples=200)
@given(STREAMS, st.lists(st.integers(0, 120), max_size=8))
def test_any_cut_of_a_stream_gives_the_same_events_and_bytes(stream: bytes, cuts: list[int]) -> None:
    at = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for pieces in (
        [stream[a:b] for a, b in pairwise(at)],
        [bytes([byte]) for byte in stream],
    ):
        assert data_of(*pieces) == data_of(stream)
        splitter = EventSplitter()
        given = b"".join(event.raw for piece in pieces for event in splitter.feed(piece))
        last = splitter.end()
        assert given + (b"" if last is None else last.raw.removesuffix(b"\n\n")) == stream


def test_an_event_keeps_its_other_fields_when_its_data_change() -> None:
    (event,) = split(b"\xef\xbb\xbfevent: e\r\ndata: 1\r\nid: 7\r\ndata: 2\r\n\r\n")
    assert with_data(event, b"3") == b"event: e\nid: 7\ndata: 3\n\n"
