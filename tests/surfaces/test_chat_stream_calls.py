"""Calls of tools and log-probabilities in a guarded stream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from guarded import DONE, Policy, chunk, chunks, finish, guarded, redact, said, through, window
from surface_calls import state

from dataplane.errors import Refused
from dataplane.inspection_ports import Guard
from dataplane.ports import UpstreamFailed
from dataplane.surfaces.chat_stream_calls import MAX_CALL_BYTES, MAX_CALLS


def part(arguments: str = "", *, index: int = 0, choice: int = 0, **members: Any) -> bytes:
    name = {"name": members.pop("name")} if "name" in members else {}
    call = {"index": index, **members, "function": {**name, "arguments": arguments}}
    return chunk({"tool_calls": [call]}, index=choice)


def calls(out: bytes, choice: int = 0) -> list[dict[str, Any]]:
    return [
        call
        for one in chunks(out)
        for each in one["choices"]
        if each["index"] == choice
        for call in each["delta"].get("tool_calls", ())
    ]


def test_an_id_and_a_name_that_come_with_each_delta_are_said_once() -> None:
    again = [part(piece, id="call_1", name="search") for piece in ("{", '"q": 1', "}")]
    in_pieces = [part("{}", id="call_1", name="se"), part(name="arch")]
    for pieces in (again, in_pieces):
        policy = Policy()
        through([*pieces, chunk({}, "tool_calls"), DONE], policy)
        assert [(call.id, call.name, call.valid) for call in policy.calls] == [("call_1", "search", True)]


def test_placeholders_of_the_request_stand_as_their_values_in_arguments_too() -> None:
    exchange, _, policy = guarded()
    restore = {"[EMAIL_1]": 'me@"here"'}
    reader = exchange.guard(
        Guard(
            opens=window,
            redact=redact,
            restore=lambda text: text.replace("[EMAIL_1]", restore["[EMAIL_1]"]),
        )
    )
    pieces = [
        part('{"to": "[EMA', name="f"),
        part('IL_1]", "k": "PLANT", "[EMAIL_1]": 1}'),
        chunk({}, "tool_calls"),
    ]
    out = b"".join(finish(reader.feed(piece), policy) for piece in [*pieces, DONE])
    (call,) = calls(out)
    assert json.loads(call["function"]["arguments"]) == {"to": 'me@"here"', "k": "[HIDDEN]", "[EMAIL_1]": 1}
    assert policy.calls[0].facts["to"]["value"] == "[EMAIL_1]"


def test_a_call_that_is_of_two_kinds_cannot_be_read() -> None:
    both = {"function": {"name": "f", "arguments": "a"}, "custom": {"name": "f", "input": "b"}}
    for deltas in ([{"index": 0, **both}], [{"index": 0, key: value} for key, value in both.items()]):
        _, reader, policy = guarded()
        with pytest.raises(UpstreamFailed):
            finish(reader.feed(b"".join(chunk({"tool_calls": [delta]}) for delta in deltas)), policy)


def test_nothing_of_a_call_goes_on_before_all_of_its_choice_were_decided() -> None:
    _, reader, policy = guarded()
    begin = chunk({"role": "assistant", "content": None})
    assert finish(reader.feed(begin), policy) == begin
    pieces = [
        part(id="call_1", type="function", name="search"),
        part('{"q": "a'),
        part(index=1, id="call_2", type="function", name="read"),
        part(' b"}'),
        part('{"path": "x"}', index=1),
    ]
    assert b"".join(finish(reader.feed(piece), policy) for piece in pieces) == b""
    assert policy.asked == []
    end = chunk({}, "tool_calls")
    out = finish(reader.feed(end), policy)
    assert [(call.index, call.id, call.name, call.valid) for call in policy.calls] == [
        (0, "call_1", "search", True),
        (1, "call_2", "read", True),
    ]
    assert calls(out + DONE) == [
        {
            "index": 0,
            "id": "call_1",
            "type": "function",
            "function": {"name": "search", "arguments": '{"q": "a b"}'},
        },
        {
            "index": 1,
            "id": "call_2",
            "type": "function",
            "function": {"name": "read", "arguments": '{"path": "x"}'},
        },
    ]
    assert out.endswith(end)


def test_a_blocked_call_takes_the_others_with_it() -> None:
    exchange, reader, policy = guarded(Policy(blocks=["delete"]))
    finish(
        reader.feed(part("{}", name="search", id="a") + part("{}", index=1, name="delete", id="b")), policy
    )
    with pytest.raises(Refused) as refused:
        finish(reader.feed(chunk({}, "tool_calls")), policy)
    assert refused.value.reasons == ("tool_call.test",)
    assert [call.name for call in policy.calls] == ["search", "delete"]
    out = exchange.cut(refused.value, state(decided=True))
    assert chunks(out)[0]["choices"][0]["finish_reason"] == "content_filter"
    assert b"search" not in out
    assert b"delete" not in out


def test_text_flows_while_a_call_is_held() -> None:
    _, reader, policy = guarded()
    finish(reader.feed(part('{"a":', name="f", id="c")), policy)
    assert said(finish(reader.feed(chunk({"content": "so "})), policy) + DONE) == "so "


def test_what_is_redacted_in_arguments_leaves_them_valid_json() -> None:
    out = through(
        [part('{"a": "see PL', name="f", id="c"), part('ANT now", "n": 1}'), chunk({}, "tool_calls"), DONE]
    )
    (call,) = calls(out)
    assert json.loads(call["function"]["arguments"]) == {"a": "see [HIDDEN] now", "n": 1}


def test_arguments_that_are_no_json_are_redacted_as_text() -> None:
    out = through([part('{"a": PLANT', name="f", id="c"), chunk({}, "tool_calls"), DONE])
    assert calls(out)[0]["function"]["arguments"] == '{"a": [HIDDEN]'


def test_a_custom_tool_is_asked_about_by_its_input_and_called_with_it() -> None:
    def custom(text: str, **members: Any) -> bytes:
        call = {"index": 0, **members, "custom": {"input": text, **({"name": "sql"} if members else {})}}
        return chunk({"tool_calls": [call]})

    policy = Policy()
    out = through(
        [custom("see ", id="c", type="custom"), custom("PLANT"), chunk({}, "tool_calls"), DONE], policy
    )
    assert policy.calls[0].arguments == '{"input":"see PLANT"}'
    assert calls(out) == [
        {"index": 0, "id": "c", "type": "custom", "custom": {"name": "sql", "input": "see [HIDDEN]"}}
    ]


def test_a_function_call_of_the_old_form_is_decided_too() -> None:
    policy = Policy()
    pieces = [
        chunk({"function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": "{}"}}),
    ]
    out = through([*pieces, chunk({}, "function_call"), DONE], policy)
    assert [(call.name, call.arguments) for call in policy.calls] == [("f", "{}")]
    assert {"function_call": {"name": "f", "arguments": "{}"}} in [
        one["choices"][0]["delta"] for one in chunks(out)
    ]


def test_calls_that_share_an_index_or_have_none_are_told_apart_by_their_ids() -> None:
    policy = Policy()
    both = [
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "function": {"name": "g", "arguments": "{}"}},
    ]
    again = {"index": 0, "id": "c", "function": {"name": "h", "arguments": "{}"}}
    out = through(
        [chunk({"tool_calls": both}), chunk({"tool_calls": [again]}), chunk({}, "tool_calls"), DONE], policy
    )
    assert [(call.id, call.name) for call in policy.calls] == [("a", "f"), ("b", "g"), ("c", "h")]
    assert [call["index"] for call in calls(out)] == [0, 1, 2]


def test_a_call_is_decided_when_the_stream_ends_without_a_finish_reason() -> None:
    policy = Policy()
    assert len(calls(through([part("{}", name="f", id="c"), DONE], policy))) == len(policy.calls) == 1


def test_calls_without_end_are_a_failure() -> None:
    _, reader, policy = guarded()
    with pytest.raises(UpstreamFailed):
        finish(reader.feed(b"".join(part(index=index, name="f") for index in range(MAX_CALLS + 1))), policy)
    _, reader, policy = guarded()
    many = b"".join(part("x" * 50_000, name="f") for _ in range(MAX_CALL_BYTES // 50_000 + 1))
    with pytest.raises(UpstreamFailed):
        finish(reader.feed(many), policy)


# --- log-probabilities ------------------------------------------------------------------------------


def token(text: str, *others: str) -> dict[str, Any]:
    ranks = [{"token": one, "bytes": list(one.encode()), "logprob": -1.0} for one in others]
    return {"token": text, "bytes": list(text.encode()), "logprob": -0.5, "top_logprobs": ranks}


def with_tokens(*tokens: dict[str, Any], text: str | None = None) -> bytes:
    said = "".join(one["token"] for one in tokens) if text is None else text
    return chunk({"content": said}, logprobs={"content": list(tokens), "refusal": None})


def entries(out: bytes) -> list[dict[str, Any]]:
    return [
        entry
        for one in chunks(out)
        for each in one["choices"]
        for entry in (each.get("logprobs") or {}).get("content") or ()
    ]


def test_tokens_go_on_with_the_text_that_they_say() -> None:
    plain = [with_tokens(token("Hi ", "Ho ")), with_tokens(token("there", "all"), token(" ", ". "))]
    out = through([*plain, chunk({}, "stop"), DONE])
    assert out.startswith(b"".join(plain))
    held = through([with_tokens(token("Hel")), with_tokens(token("lo ")), chunk({}, "stop"), DONE])
    assert [entry["token"] for entry in entries(held)] == ["Hel", "lo "]


def test_tokens_of_what_was_redacted_are_dropped() -> None:
    out = through(
        [
            with_tokens(token("a ")),
            with_tokens(token("PL")),
            with_tokens(token("ANT"), token(" b ")),
            chunk({}, "stop"),
            DONE,
        ]
    )
    assert said(out) == "a [HIDDEN] b "
    assert [entry["token"] for entry in entries(out)] == ["a ", " b "]
    assert b"PL" not in out


@pytest.mark.parametrize(
    "tokens",
    [
        [[token("a ", "PLANT ")]],
        [[token("a ", "PL")], [token("b ", "ANT ")]],
        [[token("a ", "x", "PL"), token("b ", "y", "ANT ")]],
        [[{**token("a "), "bytes": list(b"PLANT ")}]],
        [[{**token("a "), "bytes": list(b"PL")}, {**token("b "), "bytes": list(b"ANT ")}]],
        [[{**token("a "), "note": "PLANT "}]],
        [[{**token("a "), "PLANT ": 1}]],
        [[{**token("a "), "logprob": "PLANT "}]],
        [[{**token("a "), "top_logprobs": "PLANT "}]],
        [[{**token("a "), "top_logprobs": [{**token("b"), "logprob": ["PLANT "]}]}]],
        [[{**token("a "), "top_logprobs": [{**token("b"), "top_logprobs": [{"token": "PLANT "}]}]}]],
        [[{**token("a "), "bytes": "PLANT "}]],
    ],
)
def test_what_is_planted_among_tokens_does_not_pass(tokens: list[list[dict[str, Any]]]) -> None:
    out = through([*(with_tokens(*each) for each in tokens), chunk({}, "stop"), DONE])
    assert b"PLANT" not in out
    assert entries(out) == []
    assert said(out)


def test_tokens_that_say_something_else_than_the_text_are_a_text_of_their_own() -> None:
    policy = Policy()
    out = through([with_tokens(token("PLANT "), text="fine "), chunk({}, "stop"), DONE], policy)
    assert said(out) == "fine "
    assert entries(out) == []
    assert policy.found == 1


@pytest.mark.parametrize("planted", [[], None, "PLANT ", [{"token": "PL"}, {"token": "ANT "}], [token("a ")]])
def test_members_of_log_probabilities_that_the_api_does_not_know_wait_as_a_whole(planted: Any) -> None:
    name = "note" if "PL" in json.dumps(planted) else "PLANT "
    out = through([chunk({"content": "fine "}, logprobs={name: planted}), chunk({}, "stop"), DONE])
    assert b"PL" not in out
    assert said(out) == "fine "
    clean = {"content": [token("fine ")], "note": [{"token": "a "}], "more": [], "none": None}
    plain = chunk({"content": "fine "}, logprobs=clean)
    passed = chunks(through([plain, chunk({}, "stop"), DONE]))
    told = [each["logprobs"] for one in passed for each in one["choices"] if each.get("logprobs")]
    assert {name: value for each in told for name, value in each.items()} == clean


def test_a_token_that_is_no_text_is_looked_at() -> None:
    odd = {**token("a "), "token": {"x": ["PLANT "]}}
    out = through([chunk({"content": "a "}, logprobs={"content": [odd]}), chunk({}, "stop"), DONE])
    assert b"PLANT" not in out
