from typing import Any

import pytest
from surface_calls import JSON_TYPE, REQUEST_ID, chat, decision, forward, head, read_chat, sent_body

from dataplane import __version__
from dataplane.errors import Refused
from dataplane.findings import Origin


def headers(*given: tuple[bytes, bytes], **fields: Any) -> dict[str, str]:
    return dict(forward(read_chat(chat(**fields), head(headers=JSON_TYPE + given))).headers)


def test_only_listed_headers_go_upstream() -> None:
    assert headers(
        (b"authorization", b"Bearer secret"),
        (b"cookie", b"secret"),
        (b"user-agent", b"x"),
        (b"openai-organization", b"org"),
        (b"x-forwarded-for", b"1.2.3.4"),
        (b"accept", b"*/*"),
    ) == {
        "content-type": "application/json",
        "accept": "application/json",
        "user-agent": f"regogate/{__version__}",
        "x-client-request-id": REQUEST_ID,
    }
    assert headers(stream=True)["accept"] == "text/event-stream"


def test_the_caller_s_request_id_and_idempotency_key_pass_where_well_formed() -> None:
    sent = headers((b"x-client-request-id", b"mine-1"), (b"idempotency-key", b"key 1"))
    assert (sent["x-client-request-id"], sent["idempotency-key"]) == ("mine-1", "key 1")


def test_what_the_caller_says_in_headers_that_pass_is_a_text_without_a_place() -> None:
    given = ((b"idempotency-key", b"key 1"), (b"user-agent", b"x"), (b"x-client-request-id", b"mine-1"))
    texts = read_chat(chat(), head(headers=JSON_TYPE + given)).texts()
    assert [(text.text, text.origin, text.place) for text in texts[2:]] == [
        ("key 1", Origin.METADATA, None),
        ("mine-1", Origin.METADATA, None),
    ]


@pytest.mark.parametrize("value", [b"", b"a\tb", b"\xc3\xa9", b"a" * 513, b"a\x00b"])
def test_ill_formed_ones_are_left_out(value: bytes) -> None:
    sent = headers((b"x-client-request-id", value), (b"idempotency-key", value))
    assert sent["x-client-request-id"] == REQUEST_ID
    assert "idempotency-key" not in sent


def test_the_judged_object_is_sent_serialised_anew_with_exact_numbers() -> None:
    unit = read_chat(
        b'{ "model":"m", "messages":[{"role":"user","content":"\\u0041"}], "temperature": 0.70, "x":1e5, '
        b'"big":18446744073709551615}'
    )
    sent = forward(unit)
    assert sent.body == (
        b'{"model":"m","messages":[{"role":"user","content":"A"}],"temperature":0.70,"x":1e5,'
        b'"big":18446744073709551615}'
    )
    assert (sent.method, sent.path, sent.model, sent.stream) == ("POST", "/chat/completions", "m", False)


def test_an_unchanged_body_with_a_huge_integer_goes_on_as_it_was() -> None:
    body = (
        b'{ "model":"m", "messages":[{"role":"user","content":"x"}], "seed": 123456789012345678901234567890 }'
    )
    assert forward(read_chat(body)).body == body


def test_a_stream_asks_for_usage_and_keeps_its_other_options() -> None:
    assert sent_body(read_chat(chat(stream=True)))["stream_options"] == {"include_usage": True}
    options = {"include_usage": False, "include_obfuscation": False}
    assert sent_body(read_chat(chat(stream=True, stream_options=options)))["stream_options"] == {
        "include_usage": True,
        "include_obfuscation": False,
    }
    assert forward(read_chat(chat(stream=True))).stream is True
    assert "stream_options" not in sent_body(read_chat(chat()))


def test_a_huge_integer_in_a_stream_that_must_ask_for_usage_is_refused_before_policy_is_asked() -> None:
    with pytest.raises(Refused) as caught:
        read_chat(chat(stream=True, seed=10**30))
    assert caught.value.param == "seed"
    asks = chat(stream=True, seed=10**30, stream_options={"include_usage": True})
    assert sent_body(read_chat(asks)) == asks


def test_a_chat_has_no_answer_of_its_own() -> None:
    with pytest.raises(Refused):
        read_chat(chat()).answer(decision())
