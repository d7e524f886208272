"""A streamed chat answer that is looked at on its way."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from guarded import (
    DONE,
    KIND,
    Policy,
    begins,
    chunk,
    chunks,
    event,
    find,
    finish,
    guarded,
    redact,
    said,
    through,
    window,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from surface_calls import state

from dataplane.errors import Refused, blocked_by_policy
from dataplane.findings import Origin, Span
from dataplane.inspection_ports import PASSES, TURN, Guard, TextStream
from dataplane.ports import UpstreamFailed
from tests.toy_stream import ToyStream

BLOCKED = blocked_by_policy(("response.test",), 403, "policy_blocked")


def content(*texts: str) -> list[bytes]:
    return [chunk({"content": text}) for text in texts]


# --- text ---------------------------------------------------------------------------------------


def test_a_stream_without_anything_to_hold_goes_on_byte_for_byte() -> None:
    stream = [
        chunk({"role": "assistant", "content": ""}),
        *content("Hello ", "there. "),
        chunk({"content": "All ", "refusal": None}),
        chunk({}, "stop"),
        DONE,
    ]
    _, reader, policy = guarded()
    assert [finish(reader.feed(piece), policy) for piece in stream] == stream
    assert finish(reader.end(), policy) == b""
    assert [asked.finish_reason for asked in policy.asked] == ["stop"]


@pytest.mark.parametrize("last", [chunk({}, "stop"), chunk({}, 5), chunk({}, "odd"), b""])  # type: ignore[arg-type]
def test_policy_hears_of_the_end_of_a_choice_however_it_ends(last: bytes) -> None:
    policy = Policy()
    through([*content("Hello "), last, DONE], policy)
    assert [asked.ends for asked in policy.asked] == [True]
    assert policy.asked[0].finish_reason in ("stop", "other", None)


def test_what_is_held_goes_on_with_what_follows_or_before_the_end_of_its_choice() -> None:
    _, reader, policy = guarded()
    out = finish(reader.feed(chunk({"content": "Hel"})), policy)
    assert json.loads(out[6:])["choices"][0]["delta"] == {"content": ""}
    assert finish(reader.feed(chunk({"content": "l"})), policy) == b""
    assert reader.holds
    assert reader.silent
    out = finish(reader.feed(chunk({"content": "o wor"})), policy)
    assert json.loads(out[6:])["choices"][0]["delta"] == {"content": "Hello "}
    assert not reader.silent
    end = chunk({}, "stop")
    out = finish(reader.feed(end), policy)
    assert out.endswith(end)
    assert said(out + DONE) == "wor"
    assert not reader.holds


def test_a_finding_is_redacted_before_any_of_it_is_out() -> None:
    out = through([*content("Say ", "PL", "ANTed", "-x", " now"), chunk({}, "stop"), DONE])
    assert said(out) == "Say [HIDDEN] now"
    assert b"PL" not in out


def test_what_policy_lets_pass_passes_as_it_was() -> None:
    policy = Policy(redacts=())
    out = through([*content("Say PL", "ANT now "), chunk({}, "stop"), DONE], policy)
    assert said(out) == "Say PLANT now "
    assert policy.found == 1


def test_each_field_of_each_choice_has_a_window_of_its_own() -> None:
    stream = []
    for piece in ("a ", "PL", "ANT", " b"):
        for index in (0, 1):
            stream += [
                chunk({"content": piece}, index=index),
                chunk({"reasoning_content": piece.upper(), "refusal": piece, "made_up": piece}, index=index),
            ]
    out = through([*stream, chunk({}, "stop"), chunk({}, "stop", 1), DONE])
    for index in (0, 1):
        assert said(out, "reasoning_content", index) == "A [HIDDEN] B"
        for key in ("content", "refusal", "made_up"):
            assert said(out, key, index) == "a [HIDDEN] b"


def test_a_long_text_is_looked_at_in_turns_and_goes_on_in_parts() -> None:
    long = "word " * 4_000 + "PL" + "ANT " + "more " * 1_000
    _, reader, policy = guarded()
    steps = reader.feed(chunk({"role": "assistant", "content": long, "refusal": long}, "stop"))
    turns, out = 0, b""
    try:
        asked = next(steps)
        while True:
            turns += asked is TURN
            out += reader.take()
            asked = steps.send(PASSES if asked is TURN else policy.answer(asked))
    except StopIteration as done:
        out += done.value
    assert turns == 2 * (len(long) // 4_096)
    out += finish(reader.feed(DONE), policy)
    assert said(out) == said(out, "refusal") == long.replace("PLANT", "[HIDDEN]")
    assert chunks(out)[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks(out)[-1]["choices"][0]["finish_reason"] == "stop"
    assert {each["id"] for each in chunks(out)} == {"c-1"}


def test_a_long_text_that_is_no_known_one_or_goes_with_others_stays_whole() -> None:
    long = "word " * 4_000
    one = {"index": 0, "delta": {"content": long}, "finish_reason": None}
    for piece in (
        chunk({"vendor": long}),
        chunk({"content": long}, logprobs={"content": []}),
        event({"id": "c", "choices": [one, one]}),
    ):
        _, reader, policy = guarded()
        assert finish(reader.feed(piece), policy) == piece


def test_time_frees_plain_text() -> None:
    _, reader, policy = guarded()
    finish(reader.feed(chunk({"content": "Hello"})), policy)
    assert said(finish(reader.relax(), policy) + DONE) == "Hello"
    finish(reader.feed(chunk({"content": " PLAN"})), policy)
    assert finish(reader.relax(), policy) == b""


def test_placeholders_of_the_request_stand_as_their_values_wherever_they_are_cut() -> None:
    exchange, _, policy = guarded()
    reader = exchange.guard(
        Guard(opens=window, redact=redact, restore=lambda text: text.replace("[EMAIL_1]", "me@here"))
    )
    out = b"".join(finish(reader.feed(piece), policy) for piece in content("To [", "EMAIL", "_1] or [E", "x"))
    out += finish(reader.feed(chunk({}, "stop") + DONE), policy)
    assert said(out) == "To me@here or [Ex"


# --- what stands around it ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "piece",
    [
        event({"id": "PLANT-1", "choices": []}),
        event({"id": "c", "made_up": {"deep": ["PLANT"]}, "choices": []}),
        event({"choices": [{"index": 0, "delta": {"content": ""}, "made_up": ["PLANT"]}]}),
        event({"choices": [{"index": 0, "delta": {"role": "PLANT", "content": ""}}]}),
        event({"choices": [{"index": 0, "delta": {"reasoning_details": [{"text": "PLANT"}]}}]}),
        event({"choices": [{"index": 0, "delta": {"audio": {"transcript": "PLANT"}}}]}),
        event({"choices": [{"index": 0, "delta": {"content": [{"type": "text", "text": "PLANT"}]}}]}),
        event({"choices": ["PLANT"]}),
        event({"created": {"x": "PLANT"}, "choices": []}),
        event({"choices": [{"index": "PLANT", "delta": {"content": "x "}}]}),
        event({"choices": [{"index": 0, "delta": "PLANT"}]}),
        event({"choices": [{"index": 0, "delta": {}, "finish_reason": ["PLANT"]}]}),
        event({"choices": [{"index": 0, "delta": {}, "finish_reason": "PLANT"}]}),
        event({"error": {"message": "you sent PLANT"}}),
        b": PLANT\n\n",
        b"id: PLANT\nevent: PLANT\ndata: {}\n\n",
        b'data: {"id":"PLANT","id":"c","choices":[]}\n\n',
        b'data: {"a":"\\u0050LANT","choices":[]}\n\n',
        b"data: [DONE] PLANT\n\n",
    ],
)
def test_what_is_planted_anywhere_in_an_event_does_not_pass(piece: bytes) -> None:
    out = through([piece, chunk({"content": "x "}), chunk({}, "stop"), DONE])
    assert b"PLANT" not in out
    assert b"\\u0050LANT" not in out


@pytest.mark.parametrize("value", [lambda text: text, lambda text: {"deep": [text]}])
def test_a_value_of_no_known_text_may_be_a_text_of_its_own(value: Any) -> None:
    """Whoever joins such values reads another word than who does not."""

    def opens(origin: Origin) -> TextStream:
        whole = re.compile(r"\bPLANT\b")
        return ToyStream(
            origin,
            finds=lambda text, at: tuple(
                replace(each, spans=(Span(0, *found.span()),))
                for found in whole.finditer(text)
                for each in find("PLANT", at)
            ),
            begins=begins,
        )

    for pieces in (
        ("PLANT", "PLANT"),
        ("a", "PLANT", "ED"),
        ("see PL", "ANT", " b"),
        ("PLANT 1", "PL", "ANT"),
    ):
        exchange, _, policy = guarded()
        reader = exchange.guard(Guard(opens=opens, redact=redact))
        out = b"".join(finish(reader.feed(chunk({"made_up": value(piece)})), policy) for piece in pieces)
        out += finish(reader.feed(chunk({}, "stop") + DONE), policy)
        assert b"PL" not in out
        assert out.endswith(DONE)


def test_what_a_value_is_called_by_does_not_hold_it_back() -> None:
    _, reader, policy = guarded()
    for each in ("Hello ", "there "):
        part = {"type": "reasoning.text", "id": "rs-1", "index": 0, "format": "vendor-v1", "text": each}
        piece = chunk({"reasoning_details": [part]})
        assert finish(reader.feed(piece), policy) == piece
    assert b"PLANT" not in finish(reader.feed(chunk({"reasoning_details": [{"type": "PLANT"}]})), policy)


def test_a_word_of_the_api_may_be_a_piece_of_a_text() -> None:
    pieces = [
        chunk({"reasoning_details": [{"type": "text", "text": each}]}) for each in ("PLANT-", "user", ".x ")
    ]
    _, reader, policy = guarded()
    out = b"".join(finish(reader.feed(piece), policy) for piece in [*pieces, chunk({}, "stop") + DONE])
    assert b"PLANT" not in out
    (asked, _) = policy.asked
    assert [each.spans for each in asked.findings] == [(Span(0, 0, 12),)]


@pytest.mark.parametrize(
    "delta", [{"PLANT": 1}, {"tool_calls": [{"index": 0, "function": {"name": "PLANT", "arguments": ""}}]}]
)
def test_names_cannot_be_written_anew_so_the_stream_is_cut(delta: Any) -> None:
    _, reader, policy = guarded()
    if "PLANT" in delta:
        with pytest.raises(Refused, match="unredactable"):
            finish(reader.feed(chunk(delta)), policy)
        return
    finish(reader.feed(chunk(delta)), policy)
    with pytest.raises(Refused, match="unredactable"):
        finish(reader.feed(chunk({}, "tool_calls")), policy)


@pytest.mark.parametrize(
    "bad",
    [
        b"data: x\n\n",
        event({"choices": [{"index": 5000, "delta": {}}]}),
        chunk({"tool_calls": "x"}),
        chunk({"tool_calls": [7]}),
        chunk({"function_call": "x"}),
        b"data: " + b"x" * 1_100_000,
    ],
)
def test_what_no_provider_sends_is_a_failure_of_the_provider(bad: bytes) -> None:
    _, reader, policy = guarded()
    with pytest.raises(UpstreamFailed):
        finish(reader.feed(bad), policy)


def test_usage_is_hidden_and_counted_as_in_other_streams() -> None:
    counts = {"prompt_tokens": 11, "completion_tokens": 7}
    exchange, reader, policy = guarded()
    pieces = [*content("a ", "b "), chunk({}, "stop"), event({"choices": [], "usage": counts}), DONE]
    out = b"".join(finish(reader.feed(piece), policy) for piece in pieces)
    assert b"usage" not in out
    assert exchange.usage.output_tokens == 7
    shown = through(pieces, stream_options={"include_usage": True})
    assert chunks(shown)[-1]["usage"] == counts


def test_an_error_goes_through_what_strikes_credentials_out() -> None:
    exchange, reader, policy = guarded()
    exchange.strike = lambda data: data.replace(b"sk-1", b"[masked]")
    error = event({"error": {"message": "you sent sk-1"}})
    out = finish(reader.feed(chunk({"content": "a "}) + error), policy)
    assert out == chunk({"content": "a "}) + error.replace(b"sk-1", b"[masked]")
    assert finish(reader.end(), policy) == DONE


# --- ends -----------------------------------------------------------------------------------------


def test_a_stream_torn_in_a_held_window_gives_nothing_of_it_away() -> None:
    exchange, reader, policy = guarded()
    out = finish(reader.feed(chunk({"content": "The key is PLA"})), policy)
    assert said(out + DONE) == "The key is "
    with pytest.raises(UpstreamFailed) as torn:
        finish(reader.end(), policy)
    end = exchange.cut(torn.value.refused, state(decided=True))
    assert b"PLA" not in end
    assert end.endswith(DONE)
    assert b"content_filter" not in end


def test_a_cut_by_policy_ends_every_open_choice_then_tells_why() -> None:
    exchange, reader, policy = guarded(Policy(blocks=[KIND]))
    for index in (0, 1):
        finish(reader.feed(chunk({"content": "a "}, index=index)), policy)
    finish(reader.feed(chunk({}, "stop", 1)), policy)
    clean, bad = chunk({"content": "b "}), chunk({"content": "PLANT "})
    with pytest.raises(Refused) as refused:
        finish(reader.feed(clean + bad), policy)
    out = exchange.cut(refused.value, state(decided=True))
    assert out.startswith(clean)
    first, end, error = chunks(out)
    assert (first["choices"][0]["delta"], end["choices"][0]["index"]) == ({"content": "b "}, 0)
    assert end["choices"][0]["finish_reason"] == "content_filter"
    assert error["error"]["reasons"] == ["response.test"]
    assert b"PLANT" not in out
    assert exchange.cut(BLOCKED, state()) == b""


def test_a_cut_by_a_limit_filters_nothing() -> None:
    exchange, reader, policy = guarded()
    finish(reader.feed(chunk({"content": "a b"})), policy)
    out = exchange.cut(Refused("gateway.upstream_timeout"), state(decided=True))
    assert b"content_filter" not in out
    assert out.endswith(DONE)


def test_what_a_stream_without_finish_reason_holds_goes_on_before_its_terminator() -> None:
    out = through([*content("Hello wor", "ld"), DONE])
    assert said(out) == "Hello world"


# --- every way of cutting ---------------------------------------------------------------------------

WORDS = ["The ", "PLANT", " and", " more ", "\u00fc\U0001f600 ", "xPLANTx ", "P", "L", "ANT "]


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    out = [chunk({"role": "assistant", "content": ""})]
    for _ in range(draw(st.integers(1, 12))):
        index = draw(st.integers(0, 1))
        key = draw(st.sampled_from(["content", "refusal", "reasoning", "x"]))
        out.append(chunk({key: draw(st.sampled_from(WORDS))}, index=index))
        if draw(st.booleans()):
            call = {"index": draw(st.integers(0, 1)), "function": {"arguments": draw(st.sampled_from(WORDS))}}
            out.append(chunk({"tool_calls": [call]}, index=index))
    return b"".join([*out, chunk({}, "stop"), chunk({}, "tool_calls", 1), DONE])


@settings(derandomize=True, database=None, deadline=None, max_examples=200)
@given(streams(), st.data())
def test_any_cut_of_any_stream_gives_the_same_texts_without_what_is_planted(
    stream: bytes, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    at = [0, *sorted(cuts), len(stream)]
    policy, whole = Policy(), Policy()
    out = through([stream[a:b] for a, b in pairwise(at)], policy)
    assert b"PLANT" not in out
    assert policy.found == whole.found or whole.found == 0
    once = through([stream], whole)
    assert policy.found == whole.found
    for index in (0, 1):
        for key in ("content", "refusal", "reasoning", "x"):
            assert said(out, key, index) == said(once, key, index)
    assert [call.arguments for call in policy.calls] == [call.arguments for call in whole.calls]
