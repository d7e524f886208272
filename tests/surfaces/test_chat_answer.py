"""A whole answer: its texts, the calls it proposes, and what is left of it when texts are replaced."""

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from surface_calls import chat, read_chat

from dataplane.errors import Refused
from dataplane.findings import Text
from dataplane.ports import Exchange, UpstreamFailed
from dataplane.surfaces.proposed_call import MAX_FACTS, MAX_VALUE_CHARS, propose, rewritten


def answered(answer: Any) -> Exchange:
    exchange = read_chat(chat()).exchange()
    exchange.whole(answer if isinstance(answer, bytes) else json.dumps(answer).encode())
    return exchange


def choices(*messages: Any, **fields: Any) -> dict[str, Any]:
    made = [{"index": index, "message": message, **fields} for index, message in enumerate(messages)]
    return {"choices": made}


def told(exchange: Exchange) -> list[tuple[str, str]]:
    return [(text.text, str(text.origin)) for text in exchange.texts()]


def replaced(exchange: Exchange, **instead: str) -> dict[str, Any]:
    found = {i: instead[text.text] for i, text in enumerate(exchange.texts()) if text.text in instead}
    body: dict[str, Any] = json.loads(exchange.rewrite(found))
    return body


def entry(token: str, data: bytes | None = None, *others: str) -> dict[str, Any]:
    return {
        "token": token,
        "logprob": -0.25,
        "bytes": None if data is None else list(data),
        "top_logprobs": [{"token": other, "logprob": -1.5, "bytes": None} for other in others],
    }


def test_every_choice_has_its_texts_with_their_origins() -> None:
    exchange = answered(
        choices(
            {"role": "assistant", "content": "one", "reasoning": "hm", "vendor": "v"},
            {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "refusal": "no"},
            {"content": None, "annotations": [{"url_citation": {"url": "u", "title": "t", "end_index": 3}}]},
            "odd",
        )
    )
    assert told(exchange) == [
        *[("one", "output"), ("hm", "reasoning"), ("v", "other"), ("vendor", "other")],
        *[("a", "output"), ("b", "output"), ("no", "refusal")],
        *[("u", "output"), ("t", "output"), ("odd", "other")],
    ]
    assert [text.follows for text in exchange.texts() if text.text in "ab"] == [False, True]


def test_dates_and_counts_are_no_texts_and_other_long_numbers_are() -> None:
    exchange = answered(
        {
            "created": 1790000000,
            "usage": {"total_tokens": 123456},
            **choices({"audio": {"expires_at": 1790000000}}),
            "account": 12345678,
        }
    )
    assert told(exchange) == [("12345678", "other"), ("account", "other")]
    hidden = answered({"created": 4111111111111111, "usage": {"total_tokens": 4111111111111111}})
    assert told(hidden) == [("4111111111111111", "other")] * 2


def test_audio_and_encrypted_reasoning_are_unread_and_their_transcript_is_a_text() -> None:
    sealed = base64.b64encode(bytes(range(256)) * 20).decode()
    message = {"audio": {"data": sealed, "transcript": "ts"}, "reasoning_details": [{"data": sealed}]}
    exchange = answered(choices(message))
    assert told(exchange) == [("ts", "output"), ("reasoning_details", "other")]
    assert exchange.unread_bytes() == 2 * len(sealed)


def test_an_answer_with_other_texts_is_otherwise_the_same() -> None:
    answer = {**choices({"content": "one"}, {"content": "two", "vendor": 1.50}), "n": 12345678}
    exchange = answered(json.dumps(answer).replace("1.5", "1.50").encode())
    answer["choices"][0]["message"]["content"] = "ONE"
    assert replaced(exchange, one="ONE", **{"12345678": "[N_1]"}) == {**answer, "n": "[N_1]"}
    assert b"1.50" in exchange.rewrite({})


def test_the_name_of_a_member_cannot_be_replaced() -> None:
    exchange = answered({"hunter2": 1})
    with pytest.raises(Refused) as caught:
        exchange.rewrite({0: "x"})
    assert caught.value.reasons == ("gateway.unredactable",)


# --- log-probabilities --------------------------------------------------------------------------


def test_log_probabilities_that_say_what_the_message_says_are_no_text_of_their_own() -> None:
    tokens = [entry("Gr", b"Gr", "Gr"), entry("\\xc3", b"\xc3", "ü"), entry("\\xbc", b"\xbc", "")]
    exchange = answered(choices({"content": "Grü"}, logprobs={"content": tokens, "refusal": None}))
    # As its bytes it is the message, as the best alternatives too; as tokens it is not.
    assert told(exchange) == [
        ("Grü", "output"),
        ("Gr\\xc3\\xbc", "output"),
        ("Gr\n\\xc3\n\\xbc", "output"),
    ]


@pytest.mark.parametrize(
    "tokens",
    [
        [entry("x", None, "hun"), entry("y", None, "ter2")],
        [entry("x", None, "", "hun"), entry("y", None, "a", "ter2")],
        [entry("x", b"hun"), entry("y", b"ter2")],
        [entry("hun"), entry("ter2")],
        [entry("hunter2"), entry("x")],
        [{**entry("x"), "vendor": "hunter2"}],
        {"hunter2": 1},
        "hunter2",
    ],
)
def test_text_that_hides_in_log_probabilities_is_a_text_and_replacing_it_drops_them(tokens: Any) -> None:
    exchange = answered(choices({"content": "xy"}, logprobs={"content": tokens}))
    index = next(index for index, text in enumerate(exchange.texts()) if "hunter2" in text.text)
    if exchange.texts()[index].place is None:
        pytest.fail("it has no place")
    assert json.loads(exchange.rewrite({index: "x"})) == choices({"content": "xy"}, logprobs=None)


def test_log_probabilities_of_a_choice_go_with_the_text_they_repeat_and_others_stay() -> None:
    answer = choices({"content": "ab"}, {"content": "ab"}, logprobs={"content": [entry("a"), entry("b")]})
    exchange = answered(answer)
    left = json.loads(exchange.rewrite({1: "[X_1]"}))
    answer["choices"][1] = {"index": 1, "message": {"content": "[X_1]"}, "logprobs": None}
    assert left == answer


# --- answers that two readers could read differently --------------------------------------------


def test_a_member_that_is_hidden_behind_another_of_its_name_does_not_pass() -> None:
    exchange = answered(b'{"choices":[{"message":{"content":"hunter2","content":"ok"}}]}')
    assert told(exchange) == [("ok", "output")]
    assert json.loads(exchange.rewrite({})) == {"choices": [{"message": {"content": "ok"}}]}
    assert b"hunter2" not in exchange.rewrite({})


def test_half_of_a_surrogate_pair_becomes_a_question_mark() -> None:
    exchange = answered(b'{"choices":[{"message":{"content":"a\\ud83d"}}],"x":NaN}')
    assert told(exchange)[0] == ("a?", "output")
    assert json.loads(exchange.rewrite({0: "b"}))["choices"][0]["message"]["content"] == "b"


@pytest.mark.parametrize("depth", [150, 500, 850, 950, 975, 990, 5000])
def test_an_answer_of_any_depth_is_read_or_fails_as_upstream(depth: int) -> None:
    for half in (b"", b'"a":"\\ud800",'):
        with contextlib.suppress(UpstreamFailed):
            exchange = answered(
                b"{" + half + b'"choices":' + b"[" * depth + b'"hunter2"' + b"]" * depth + b"}"
            )
            assert ("hunter2", "other") in told(exchange)
            exchange.rewrite({})
            assert b"hunter2" not in exchange.rewrite({0: "x"})


# --- proposed calls -----------------------------------------------------------------------------


def call(arguments: Any, name: str = "find", **fields: Any) -> dict[str, Any]:
    return {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}, **fields}


def test_every_proposed_call_of_every_choice_is_told() -> None:
    custom = {"id": "d", "type": "custom", "custom": {"name": "run", "input": 'say "hi"'}}
    exchange = answered(
        choices(
            {"tool_calls": [call('{"q":1}'), call("{}", "other"), custom]},
            {"function_call": {"name": "old", "arguments": "{}"}, "tool_calls": None},
            finish_reason="tool_calls",
        )
    )
    assert [
        (made.choice, made.index, made.id, made.name, made.arguments) for made in exchange.proposed()
    ] == [
        (0, 0, "c", "find", '{"q":1}'),
        (0, 1, "c", "other", "{}"),
        (0, 2, "d", "run", '{"input":"say \\"hi\\""}'),
        (1, 0, None, "old", "{}"),
    ]
    assert exchange.finish_reason() == "tool_calls"


@pytest.mark.parametrize(
    "odd", [{}, {"function": None}, {"function": {"name": 5, "arguments": [1]}}, {"type": "custom"}]
)
def test_a_call_that_is_not_as_the_api_has_it_is_told_all_the_same(odd: Any) -> None:
    (made,) = answered(choices({"tool_calls": [odd, "x"]})).proposed()
    assert made.name == ""


def test_an_answer_of_another_form_proposes_nothing() -> None:
    for answer in ({}, {"choices": 5}, {"choices": [5]}, choices(5), choices({"tool_calls": 5})):
        assert answered(answer).proposed() == []
        assert answered(answer).finish_reason() is None


def test_facts_of_arguments_are_by_name_and_through_objects_by_the_names_that_lead_there() -> None:
    made = propose(
        0,
        0,
        None,
        "f",
        '{"s":"é","n":7,"x":0.50,"w":2.0,"big":9007199254740993,"b":true,"z":null,"l":[1],"o":{"in":{"k":"v"}},'
        '"long":"' + "y" * (MAX_VALUE_CHARS + 1) + '"}',
    )
    assert made.valid is True
    assert made.facts == {
        "s": {"type": "string", "bytes": 2, "value": "é"},
        "n": {"type": "integer", "value": 7},
        "x": {"type": "number", "value": 0.5},
        "w": {"type": "number", "value": 2},
        "big": {"type": "integer"},
        "b": {"type": "boolean", "value": True},
        "z": {"type": "null"},
        "l": {"type": "array"},
        "o": {"type": "object"},
        "o.in": {"type": "object"},
        "o.in.k": {"type": "string", "bytes": 1, "value": "v"},
        "long": {"type": "string", "bytes": MAX_VALUE_CHARS + 1},
    }
    assert Text(text="v", origin=made.texts[0].origin, place=("o", "in", "k")) in made.texts


def test_an_argument_that_two_names_lead_to_has_no_value() -> None:
    for arguments in ('{"a":{"b":1},"a.b":2}', '{"a.b":2,"a":{"b":1}}'):
        assert propose(0, 0, None, "f", arguments).facts["a.b"] == {"type": "integer"}


@pytest.mark.parametrize(
    "arguments",
    [
        *("[]", "null", "{", '{"a":1,"a":2}', '{"a":NaN}', '{"a":"\\ud800"}', '{"a":1}x', "\ud800"),
        json.dumps({str(number): 1 for number in range(MAX_FACTS + 1)}),
        '{"a":' * 100 + "1" + "}" * 100,
    ],
)
def test_arguments_that_cannot_be_read_alike_by_all_are_not_valid_and_a_text_all_the_same(
    arguments: str,
) -> None:
    made = propose(0, 0, None, "f", arguments)
    assert (made.valid, made.facts) == (False, {})
    assert [text.text for text in made.texts] == [arguments]


@pytest.mark.parametrize("arguments", ["", " \n"])
def test_no_arguments_are_an_empty_object(arguments: str) -> None:
    made = propose(0, 0, None, "f", arguments)
    assert (made.valid, made.facts, made.texts) == (True, {}, ())


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(st.text(max_size=40) | st.recursive(st.none() | st.text(), st.lists, max_leaves=5).map(json.dumps))
def test_whatever_the_arguments_they_are_read_or_not_valid(arguments: str) -> None:
    propose(0, 0, None, "f", arguments)


def test_arguments_with_other_texts_are_json_still() -> None:
    made = propose(0, 0, None, "f", '{"to": "a", "card": 4111111111111111, "o": {"k": ["b", 1.50]}}')
    instead = {i: f"<{text.text}>" for i, text in enumerate(made.texts) if text.place}
    assert rewritten(made, instead) == '{"to":"<a>","card":"<4111111111111111>","o":{"k":["<b>",1.50]}}'
    assert rewritten(made, {}) == made.arguments
    (key,) = [index for index, text in enumerate(made.texts) if text.text == "k"]
    with pytest.raises(Refused):
        rewritten(made, {key: "x"})
    assert rewritten(propose(0, 0, None, "f", "no json"), {0: "x"}) == "x"
