"""What a caller was sent of a stream, put together again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from guarded import DONE, chunk, event
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.surfaces.chat_transcript import ChatTranscript


def transcript(*pieces: bytes, limit: int = 1000) -> ChatTranscript:
    made = ChatTranscript(limit)
    for piece in pieces:
        made.add(piece)
    return made


def told(*pieces: bytes, limit: int = 1000) -> list[tuple[str, str]]:
    return [(text.text, str(text.origin)) for text in transcript(*pieces, limit=limit).texts()]


def calls(*made: Any) -> bytes:
    return chunk({"tool_calls": list(made)})


AROUND = [("c-1", "other"), ("m", "other")]


def test_each_field_of_each_choice_is_one_text_with_its_origin() -> None:
    pieces = [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}),
        chunk({"content": "Other"}, index=1),
        chunk({"content": "lo", "reasoning_content": "hm"}),
        chunk({"refusal": "no"}, index=1),
        chunk({"reasoning_details": [{"text": "a "}]}),
        chunk({"reasoning_details": [{"text": "b"}]}),
        chunk({}, "stop"),
        chunk({}, "stop", 1),
        DONE,
    ]
    said = [one for one in told(*pieces) if one not in AROUND and one[1] != "other"]
    assert sorted(said) == sorted(
        [
            *[("Hello", "output"), ("hm", "reasoning"), ("Other", "output"), ("no", "refusal")],
            *[("a b", "reasoning")],
        ]
    )
    assert transcript(*pieces).ended


def test_calls_of_tools_are_put_together_by_their_numbers() -> None:
    pieces = [
        calls({"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}),
        calls({"index": 1, "id": "call_2", "function": {"name": "g", "arguments": "{"}}),
        calls({"index": 0, "id": "call_1", "function": {"name": "f", "arguments": '{"a":'}}),
        calls({"index": 1, "function": {"arguments": "}"}}),
        calls({"index": 0, "function": {"arguments": '"b"}'}}),
    ]
    said = [text for text, origin in told(*pieces) if origin == "tool_arguments"]
    assert sorted(said) == sorted(["call_1", "f", '{"a":"b"}', "call_2", "g", "{}"])


def test_what_stands_around_the_choices_is_told_once_and_randomness_never() -> None:
    piece = event({"id": "c", "citations": ["u"], "obfuscation": "xyz", "choices": [], "created": 1700000000})
    assert told(piece, piece) == [("c", "other"), ("u", "other"), ("citations", "other")]


def test_log_probabilities_are_left_out() -> None:
    piece = chunk({"content": "a"}, logprobs={"content": [{"token": "zebra", "logprob": -1.0}]})
    assert ("a", "output") in told(piece)
    assert "zebra" not in str(told(piece))


@pytest.mark.parametrize(
    "last", [b"", event({"error": {"message": "hidden"}}) + DONE, chunk({"content": "x" * 2000}) + DONE]
)
def test_a_text_may_end_in_the_middle_where_the_stream_is_cut_or_too_long(last: bytes) -> None:
    assert not transcript(chunk({"content": "a"}), last).ended
    assert "hidden" not in str(told(last))


def test_what_is_beyond_the_limit_is_counted() -> None:
    made = transcript(*[chunk({"content": "12345"}) for _ in range(4)], limit=20)
    kept = sum(len(text.text) for text in made.texts())
    assert (kept, made.omitted) == (20, sum(len(text) for text, _ in AROUND))


def test_what_cannot_be_read_is_counted_and_does_not_raise() -> None:
    huge = chunk({"tool_calls": [{"index": 0, "function": {"arguments": "x" * 1_100_000}}]})
    made = transcript(
        huge, b"data: [1]\n\n", b"data: " + b"[" * 100_000 + b"\n\n", chunk({"content": "a"}), DONE
    )
    assert made.omitted > len(huge)
    assert not made.ended
    assert ("a", "output") in [(text.text, text.origin) for text in made.texts()]


@settings(max_examples=50)
@given(
    st.lists(
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(["index", "delta", "choices", "tool_calls", "function", "x"]),
                    inner,
                    max_size=3,
                )
            ),
            max_leaves=8,
        ),
        max_size=3,
    )
)
def test_whatever_is_sent_it_does_not_raise(values: list[Any]) -> None:
    made = transcript(
        *[
            event({"choices": [{"delta": {"tool_calls": one, "content": one}}], "choice": one})
            for one in values
        ],
        *[event({"choices": one}) for one in values],
    )
    json.dumps([text.text for text in made.texts()])
