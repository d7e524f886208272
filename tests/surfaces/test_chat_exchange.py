import contextlib
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from surface_calls import chat, read_chat, state

from dataplane.errors import Refused
from dataplane.ports import UpstreamFailed
from dataplane.quantities import Usage
from dataplane.surfaces.chat_exchange import MAX_CHOICES_SEEN, ChatExchange

DONE = b"data: [DONE]\n\n"
COUNTS = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(text: str = "", finish: str | None = None, index: int = 0, **fields: Any) -> bytes:
    choice = {"index": index, "delta": {"content": text}, "finish_reason": finish}
    return event(
        {"id": "c", "object": "chat.completion.chunk", "model": "demo-1", "choices": [choice], **fields}
    )


def usage_chunk() -> bytes:
    return event({"id": "c", "model": "demo-1", "choices": [], "usage": COUNTS})


def exchange(*, asks: bool = False) -> Any:
    options = {"include_usage": True} if asks else {}
    return read_chat(chat(stream=True, stream_options=options)).exchange()


def failure(call: Any, *arguments: Any) -> Refused:
    with pytest.raises(UpstreamFailed) as caught:
        call(*arguments)
    assert caught.value.refused.reasons == ("gateway.upstream_invalid",)
    return caught.value.refused


# --- whole answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"a":', b"\xff", b"[" * 100_000])
def test_an_answer_that_is_no_json_object_fails(body: bytes) -> None:
    failure(exchange().whole, body)


def test_an_answer_passes_as_it_is_and_tells_model_and_usage() -> None:
    body = json.dumps({"model": "demo-1", "choices": [], "usage": COUNTS}, indent=1).encode()
    reader = read_chat(chat()).exchange()
    assert reader.whole(body) is body
    assert (reader.model, reader.usage) == ("demo-1", Usage(input_tokens=11, output_tokens=7))


def test_what_an_answer_says_wrongly_of_model_and_usage_is_not_believed() -> None:
    reader = exchange()
    reader.whole(b'{"model":"a b\\n","usage":{"prompt_tokens":-1,"completion_tokens":true}}')
    assert (reader.model, reader.usage.counted, reader.usage.output_tokens) == (None, True, 0)
    reader.whole(b'{"usage":[1],"x":"\\ud800","y":NaN,"x":1}')
    assert (reader.usage.counted, reader.usage.output_tokens) == (True, 0)


# --- streams ------------------------------------------------------------------------------------


def test_a_stream_whose_caller_asked_for_usage_passes_byte_for_byte() -> None:
    stream = b": hello\n\n" + chunk("a") + b"event: x\r\n" + chunk("b", "stop") + usage_chunk() + DONE
    reader = exchange(asks=True)
    assert reader.feed(stream) + reader.end() == stream
    assert (reader.model, reader.usage) == ("demo-1", Usage(input_tokens=11, output_tokens=7))


def test_usage_that_only_the_gateway_asked_for_is_counted_and_taken_out() -> None:
    reader = exchange()
    stream = chunk("a", usage=None, p=0.10) + chunk("b", "stop", usage=COUNTS) + usage_chunk() + DONE
    out = reader.feed(stream) + reader.end()
    assert b"usage" not in out
    assert b'"p":0.1}' in out
    assert out.endswith(DONE)
    assert [json.loads(line[6:])["choices"][0]["delta"]["content"] for line in out.split(b"\n\n")[:2]] == [
        "a",
        "b",
    ]
    assert reader.usage == Usage(input_tokens=11, output_tokens=7)


def test_a_changed_chunk_keeps_its_digits_and_chunks_without_usage_their_bytes() -> None:
    reader = exchange()
    assert (
        reader.feed(b'data: {"choices":[],"p":1.2300,"usage":null}\n\n')
        == b'data: {"choices":[],"p":1.2300}\n\n'
    )
    assert json.loads(reader.feed(b'data: {"p":1.5,"big":%d,"usage":null}\n\n' % 10**30)[6:])["big"] == 10**30
    lone = reader.feed(b'data: {"t":"\\ud83d","usage":null}\n\n')
    assert json.loads(lone[6:]) == {"t": "\ud83d"}
    same = b'data:  {"t" : "\\ud83d" }\n\n'
    assert reader.feed(same) == same


def test_a_chunk_of_usage_that_has_choices_as_well_is_not_dropped() -> None:
    reader = exchange()
    out = reader.feed(
        event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": COUNTS})
    )
    assert json.loads(out[6:]) == {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def test_the_last_usage_counts() -> None:
    reader = exchange()
    reader.feed(chunk("a", usage={"prompt_tokens": 11, "completion_tokens": 1}) + usage_chunk())
    assert reader.usage == Usage(input_tokens=11, output_tokens=7)


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b": only a comment\n\n",
        chunk("a"),
        chunk("a", "stop") + chunk("b", None, 1),
        chunk("a", "stop") + b'data: {"choi',
        usage_chunk(),
    ],
)
def test_a_stream_that_ended_early_fails(stream: bytes) -> None:
    reader = exchange()
    reader.feed(stream)
    failure(reader.end)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n: bye"])
def test_a_finished_stream_without_its_terminator_gets_one(end: bytes) -> None:
    reader = exchange()
    begun = chunk("a") + chunk("", "stop") + chunk("b", None, 1) + chunk("", "length", 1).rstrip(b"\n")
    out = reader.feed(begun + end) + reader.end()
    assert out.endswith(DONE)
    assert out.count(b"[DONE]") == 1
    assert out.count(b"data: ") == 5


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_terminator_without_its_blank_line_is_one(end: bytes) -> None:
    reader = exchange()
    out = reader.feed(chunk("a") + b"data: [DONE]" + end) + reader.end()
    assert out.startswith(chunk("a") + b"data: [DONE]")
    assert out.endswith(b"\n\n")
    assert out.count(b"[DONE]") == 1


def test_what_follows_the_terminator_is_dropped() -> None:
    reader = exchange()
    assert reader.feed(DONE + chunk("late")) == DONE
    assert reader.feed(chunk("late")) == b""
    assert reader.end() == b""


def test_an_error_of_the_provider_passes_on_and_ends_the_stream_in_order() -> None:
    error = event({"error": {"message": "overloaded", "type": "server_error"}})
    reader = exchange()
    assert reader.feed(chunk("a") + error) + reader.end() == chunk("a") + error + DONE


def test_an_error_goes_through_what_strikes_credentials_out_and_answers_do_not() -> None:
    error = event({"error": {"message": "you sent sk-1"}, "usage": None})
    reader = exchange()
    reader.strike = lambda data: data.replace(b"sk-1", b"[masked]")
    assert reader.feed(chunk("sk-1")) == chunk("sk-1")
    assert b"you sent [masked]" in reader.feed(error)


@pytest.mark.parametrize("bad", [b"data: x\n\n", b"data: []\n\n", b"data: \n\n", b'data: {"a":1\n\n'])
def test_an_event_that_is_no_chunk_fails(bad: bytes) -> None:
    failure(exchange().feed, bad)


def test_a_stream_of_endless_choices_fails() -> None:
    reader = exchange()
    failure(reader.feed, b"".join(chunk("a", None, index) for index in range(MAX_CHOICES_SEEN + 1)))


@pytest.mark.parametrize("choices", [None, "x", [None], [{"index": "x"}], [{}], [[]]])
def test_odd_choices_pass(choices: Any) -> None:
    odd = event({"choices": choices})
    assert exchange().feed(odd) == odd


def test_a_cut_drops_what_is_unfinished_and_ends_in_an_error_event_and_the_terminator() -> None:
    reader = exchange()
    assert reader.feed(chunk("a") + b'data: {"ch') == chunk("a")
    out = reader.cut(Refused("gateway.upstream_timeout"), state(decided=True))
    error, done, rest = out.split(b"\n\n")
    assert json.loads(error.removeprefix(b"data: "))["error"]["code"] == "upstream_timeout"
    assert (done, rest) == (b"data: [DONE]", b"")
    assert (
        reader.feed(chunk("late")) == reader.end() == reader.cut(Refused("gateway.internal"), state()) == b""
    )


def test_each_attempt_has_its_own_exchange() -> None:
    unit = read_chat(chat(stream=True))
    first = unit.exchange()
    first.feed(usage_chunk())
    assert unit.exchange().usage == Usage()


STREAM = (
    b": hi\r\n\r\n"
    + chunk("é\U0001f600", usage=None)
    + chunk("b", None, 1).replace(b"\n", b"\r\n")
    + chunk("", "stop")
    + chunk("", "stop", 1).replace(b"\n", b"\r")
    + usage_chunk()
    + DONE
)


@settings(derandomize=True, database=None, deadline=None, max_examples=60)
@given(st.lists(st.integers(0, len(STREAM)), max_size=6), st.booleans())
def test_any_cut_of_a_stream_gives_the_caller_the_same(cuts: list[int], asks: bool) -> None:
    at = [0, *sorted(cuts), len(STREAM)]
    reader = exchange(asks=asks)
    out = b"".join(reader.feed(STREAM[a:b]) for a, b in pairwise(at)) + reader.end()
    assert out == STREAM if asks else (b"usage" not in out and out.count(b"chat.completion.chunk") == 4)
    assert reader.usage == Usage(input_tokens=11, output_tokens=7)


@settings(derandomize=True, database=None, deadline=None, max_examples=200)
@given(
    st.lists(
        st.binary(max_size=40) | st.sampled_from([b"data: ", b"{}", b"\n\n", b"[DONE]", chunk("a")]),
        max_size=8,
    )
)
def test_whatever_a_provider_streams_passes_or_fails_as_upstream(pieces: list[bytes]) -> None:
    reader = ChatExchange(hide_usage=True)
    with contextlib.suppress(UpstreamFailed):
        for piece in pieces:
            reader.feed(piece)
        reader.end()
