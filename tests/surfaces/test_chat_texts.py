"""Every text of a request, its origin, and what stands in its place afterwards."""

import base64
from typing import Any

import pytest
from surface_calls import chat, forward, function, read_chat, sent_body

from dataplane.domain import Constraints
from dataplane.errors import Refused
from dataplane.findings import Origin, Text

CARD = 4111111111111111


def texts(body: dict[str, Any]) -> list[Text]:
    return list(read_chat(body).texts())


def told(body: dict[str, Any], *, model: bool = False) -> list[tuple[str, str]]:
    return [(text.text, str(text.origin)) for text in texts(body) if model or text.text != "gpt-4o-mini"]


def said(*messages: dict[str, Any]) -> list[tuple[str, str, bool]]:
    return [
        (text.text, str(text.origin), text.follows)
        for text in texts(chat(messages=list(messages)))
        if text.text != "gpt-4o-mini"
    ]


def test_a_plain_chat_has_its_message_and_its_model() -> None:
    assert texts(chat()) == [
        Text(text="Hi", origin=Origin.USER, place=("messages", 0, "content")),
        Text(text="gpt-4o-mini", origin=Origin.OTHER),
    ]


def test_a_role_gives_the_origin() -> None:
    roles = ("system", "developer", "user", "assistant", "tool", "function", "oracle")
    messages = [{"role": role, "content": f"by {role}"} for role in roles]
    assert told(chat(messages=messages)) == [
        ("by system", "system"),
        ("by developer", "developer"),
        ("by user", "user"),
        ("by assistant", "assistant"),
        ("by tool", "tool_result"),
        ("by function", "tool_result"),
        ("by oracle", "other"),
        ("oracle", "other"),
    ]


def test_texts_of_parts_and_messages_that_follow_one_another_in_a_role_are_one() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    assert said(
        {"role": "user", "content": [{"type": "text", "text": "a"}, image, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "c", "name": "zoe"},
        {"role": "assistant", "content": None, "refusal": "no"},
        {"role": "user", "content": "d"},
    ) == [
        ("a", "user", False),
        ("b", "user", True),
        ("c", "user", True),
        ("d", "user", False),
        ("https://example.com/a.png", "user", False),
        ("zoe", "user", False),
        ("no", "refusal", False),
    ]


def test_earlier_calls_of_tools_and_reasoning_are_texts() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"q": "x"}'}}
    assert told(
        chat(
            messages=[
                {
                    "role": "assistant",
                    "content": [{"type": "refusal", "refusal": "cannot"}],
                    "tool_calls": [call],
                    "function_call": {"name": "old", "arguments": "{}"},
                    "reasoning_content": "hm",
                    "vendor": {"deep": [1, "down"]},
                },
                {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "found"}]},
            ]
        )
    ) == [
        ("found", "tool_result"),
        ("cannot", "refusal"),
        ("vendor", "other"),
        ("call_1", "tool_arguments"),
        ("find", "tool_arguments"),
        ('{"q": "x"}', "tool_arguments"),
        ("old", "tool_arguments"),
        ("{}", "tool_arguments"),
        ("hm", "reasoning"),
        ("deep", "other"),
        ("down", "other"),
        ("call_1", "metadata"),
    ]


def test_definitions_of_tools_and_formats_are_texts() -> None:
    parameters = {
        "type": "object",
        "description": "what to look for",
        "properties": {"query": {"type": "string", "enum": ["one", "two"], "default": "one"}},
    }
    tool = {"type": "function", "function": {"name": "find", "description": "d", "parameters": parameters}}
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"title": "t", "const": 1234567}}}
    assert told(
        chat(
            tools=[tool, {"type": "mcp", "server_url": "https://x"}], tool_choice=tool, response_format=schema
        )
    )[1:] == [
        ("find", "tool_definition"),
        ("d", "tool_definition"),
        ("what to look for", "schema"),
        ("query", "schema"),
        ("one", "schema"),
        ("two", "schema"),
        ("one", "schema"),
        ("server_url", "tool_definition"),
        ("mcp", "tool_definition"),
        ("https://x", "tool_definition"),
        *[("find", "tool_definition"), ("d", "tool_definition"), ("what to look for", "tool_definition")],
        *[("query", "tool_definition"), ("one", "tool_definition"), ("two", "tool_definition")],
        ("one", "tool_definition"),
        ("n", "schema"),
        ("t", "schema"),
        ("1234567", "schema"),
    ]


def test_every_other_field_is_a_text() -> None:
    assert told(
        chat(
            metadata={"team": "blue", "user": "x"},
            user="u-1",
            safety_identifier="s-1",
            stop=["END"],
            prediction={"type": "content", "content": [{"type": "text", "text": "ab"}, "cd"]},
            web_search_options={"user_location": {"approximate": {"city": "Bonn"}}},
            vendor={"note": "n"},
        )
    )[1:] == [
        ("team", "metadata"),
        ("blue", "metadata"),
        ("x", "metadata"),
        ("u-1", "metadata"),
        ("s-1", "metadata"),
        ("END", "other"),
        ("ab", "other"),
        ("cd", "other"),
        ("Bonn", "other"),
        ("note", "other"),
        ("n", "other"),
        ("vendor", "other"),
    ]


@pytest.mark.parametrize("number", [CARD, float(CARD)])
def test_a_number_that_could_be_a_text_is_one_and_becomes_a_string(number: float) -> None:
    unit = read_chat(chat(vendor={"n": number, "small": 12, "part": 0.5}))
    index = next(i for i, text in enumerate(unit.texts()) if text.text == str(CARD))
    unit.rewrite({index: "[CARD_1]"})
    assert sent_body(unit)["vendor"] == {"n": "[CARD_1]", "small": 12, "part": 0.5}


def test_a_text_is_replaced_in_its_place_and_nothing_else_changes() -> None:
    body = chat(
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}
        ],
        metadata={"k": "three"},
        temperature=0.5,
    )
    unit = read_chat(body)
    unit.rewrite({i: text.text.upper() for i, text in enumerate(unit.texts()) if text.place is not None})
    body["messages"][0]["content"] = [{"type": "text", "text": "ONE"}, {"type": "text", "text": "TWO"}]
    assert sent_body(unit) == {**body, "metadata": {"k": "THREE"}}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (chat(), "gpt-4o-mini"),
        (chat(tools=[function("hunter2")]), "hunter2"),
        (chat(tools=[function("hunter2")], tool_choice=function("hunter2")), "hunter2"),
        (chat(metadata={"hunter2": "x"}), "hunter2"),
        (chat(hunter2=1), "hunter2"),
        (chat(seed=CARD), str(CARD)),
    ],
)
def test_what_was_decided_by_and_the_names_of_members_cannot_be_replaced(
    body: dict[str, Any], text: str
) -> None:
    for index, found in enumerate(read_chat(body).texts()):
        if found.text == text:
            with pytest.raises(Refused) as caught:
                read_chat(body).rewrite({index: "x"})
            assert caught.value.reasons == ("gateway.unredactable",)
            break
    else:
        raise AssertionError("not yielded")


def test_a_text_that_is_no_longer_in_its_place_is_not_replaced_by_another() -> None:
    unit = read_chat(chat(tools=[function("shell"), {**function("f"), "description": "mine"}]))
    index = next(i for i, text in enumerate(unit.texts()) if text.text == "mine")
    unit.constrain(Constraints(strip_tools=frozenset({"shell"})))
    with pytest.raises(Refused) as caught:
        unit.rewrite({index: "x"})
    assert caught.value.reasons == ("gateway.internal",)


def test_a_request_that_is_not_rewritten_keeps_its_bytes() -> None:
    unit = read_chat(b'{"model":"m","messages":[{"role":"user","content":"x"}],"big":%d}' % 10**30)
    before = forward(unit).body
    unit.texts()
    unit.rewrite({})
    assert forward(unit).body == before


def file(data: str) -> list[tuple[str, str]]:
    content = [{"type": "file", "file": {"file_data": data}}]
    return told(chat(messages=[{"role": "tool", "content": content}]))


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


LONG = "Put the parcel down. " * 100


@pytest.mark.parametrize(
    "data",
    [
        encoded(LONG.encode()),
        base64.urlsafe_b64encode(LONG.encode()).decode().rstrip("="),
        base64.encodebytes(LONG.encode()).decode(),
        "data:text/plain;base64," + encoded(LONG.encode()),
        "data:image/png;base64," + encoded(LONG.encode()),
        "DATA:application/octet-stream;base64,\n" + encoded(LONG.encode("utf-16")),
        "data:text/plain;charset=utf-16le;base64," + encoded(LONG.encode("utf-16-le")),
        "data:text/csv;charset=utf-16le;base64," + encoded(LONG.encode()),
        "data:text/plain," + LONG.replace(" ", "%20"),
        "data:," + LONG,
    ],
)
def test_an_attached_text_is_read_whatever_it_is_called(data: str) -> None:
    assert (LONG, "tool_result") in file(data)
    assert all(text == LONG or text.startswith(("data:", "DATA:")) for text, _ in file(data))


def test_a_text_in_an_older_encoding_is_read_where_it_is_declared_to_be_text() -> None:
    latin = ("Grüße aus Köln. " * 80).encode("latin-1")
    assert ("Grüße aus Köln. " * 80, "tool_result") in file("data:text/plain;base64," + encoded(latin))
    assert file("data:image/png;base64," + encoded(latin)) == [("data:image/png;base64,", "tool_result")]


@pytest.mark.parametrize("data", [b"\x89PNG\r\n" + bytes(range(256)) * 8, b"%PDF-1.7\n" + b"a" * 2000])
def test_content_that_is_no_text_is_left_out(data: bytes) -> None:
    assert file(encoded(data)) == []


def test_a_short_string_is_read_as_it_stands_too() -> None:
    assert file("AKIAwhatever0000") == [("AKIAwhatever0000", "tool_result")]
    assert file(encoded(b"some words, twice over")) == [
        ("some words, twice over", "tool_result"),
        (encoded(b"some words, twice over"), "tool_result"),
    ]


@pytest.mark.parametrize(
    ("data", "head"),
    [
        (encoded(LONG.encode()), ""),
        (
            "data:text/plain;charset=UTF-16LE;base64," + encoded(b"hunter2"),
            "data:text/plain;charset=utf-8;base64,",
        ),
        ("data:text/plain,a%20hunter2", "data:text/plain,%5BX_1%5D"),
    ],
)
def test_an_attached_text_is_replaced_as_it_was_encoded(data: str, head: str) -> None:
    part = {"type": "file", "file": {"file_data": data}}
    unit = read_chat(chat(messages=[{"role": "user", "content": [part]}]))
    (index,) = [i for i, text in enumerate(unit.texts()) if "hunter2" in text.text or text.text == LONG]
    unit.rewrite({index: "[X_1] is what it said."})
    (again,) = sent_body(unit)["messages"][0]["content"]
    assert again["file"]["file_data"].startswith(head)
    assert ("[X_1] is what it said.", "tool_result") in file(again["file"]["file_data"])
