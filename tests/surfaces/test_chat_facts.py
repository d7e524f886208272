import base64
import hashlib
import json
from typing import Any

from surface_calls import chat, function, read_chat

PNG = "data:image/png;base64," + "A" * 100


def parts(*content: dict[str, Any]) -> dict[str, Any]:
    return chat(messages=[{"role": "user", "content": list(content)}])


def test_a_plain_chat_has_its_facts() -> None:
    body = chat(max_tokens=5, max_completion_tokens=9, n=2, stream=True)
    facts = read_chat(body).facts
    assert facts.model == "gpt-4o-mini"
    assert facts.stream is True
    assert facts.max_tokens == 9
    assert facts.n == 2
    assert facts.messages == 1
    assert facts.modalities == ("text",)
    assert facts.tools == {}
    assert facts.tool_results == 0
    assert facts.uninspected_bytes == 0
    assert facts.bytes == len(json.dumps(body).encode())
    assert facts.wants_candidates is False


def test_what_the_caller_left_out_has_the_api_s_default_and_no_cap_is_absent() -> None:
    facts = read_chat(chat()).facts
    assert (facts.stream, facts.n, facts.max_tokens) == (False, 1, None)


def test_every_kind_of_tool_is_a_fact_by_its_name() -> None:
    facts = read_chat(
        chat(
            tools=[
                function("search"),
                {"type": "custom", "custom": {"name": "run_sql"}},
                {"type": "code_interpreter"},
                {"type": "mcp", "name": "files.read"},
            ],
            functions=[{"name": "old"}],
            web_search_options={},
        )
    ).facts
    assert {name: {"type": tool["type"]} for name, tool in facts.tools.items()} == {
        "search": {"type": "function"},
        "run_sql": {"type": "custom"},
        "code_interpreter": {"type": "code_interpreter"},
        "files.read": {"type": "mcp"},
        "old": {"type": "function"},
        "web_search": {"type": "web_search"},
    }


def test_a_tool_whose_definition_changed_has_another_digest_and_the_same_one_written_otherwise_has_not() -> (
    None
):
    def digest(*members: tuple[str, Any]) -> str:
        facts = read_chat(chat(tools=[{"type": "function", "function": dict(members)}])).facts
        return facts.tools["f"]["digest"]

    name, text, huge = ("name", "f"), ("description", "Reads."), ("maximum", 10**30)
    assert digest(name, text) == digest(text, name)
    assert digest(name, text) != digest(name, ("description", "Reads, and sends."))
    assert (
        digest(name, text, huge)
        != digest(name, text)
        == hashlib.sha256(b'{"function":{"description":"Reads.","name":"f"},"type":"function"}').hexdigest()[
            :32
        ]
    )


def test_a_call_says_what_conversation_it_goes_on_with() -> None:
    def said(**fields: Any) -> str | None:
        return read_chat(chat(**fields)).facts.conversation_id

    assert (
        said() is said(metadata={"a": "b"}) is said(conversation=5) is said(previous_response_id="") is None
    )
    assert said(conversation="c-1", previous_response_id="r-1", metadata={"conversation_id": "m-1"}) == "c-1"
    assert said(conversation={"id": "c-2"}) == "c-2"
    assert said(previous_response_id="r-1", metadata={"conversation_id": "m-1"}) == "r-1"
    assert said(metadata={"conversation_id": "m-1"}) == "m-1"


def test_the_first_call_of_a_tool_that_is_quoted_is_a_fact() -> None:
    def first(*messages: dict[str, Any]) -> str | None:
        return read_chat(
            chat(messages=[{"role": "user", "content": "x"}, *messages])
        ).facts.first_tool_call_id

    assert first() is None
    calls = {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1"}, {"id": "call_2"}]}
    result = {"role": "tool", "tool_call_id": "call_9", "content": "y"}
    assert first(calls, result) == "call_1"
    assert first(result, calls) == "call_9"
    for odd in ({"tool_calls": []}, {"tool_calls": [{"id": ""}]}, {"tool_call_id": ""}):
        assert first({"role": "assistant", "content": "z", **odd}) is None


def test_results_of_tools_are_counted() -> None:
    facts = read_chat(
        chat(
            messages=[
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function"}]},
                {"role": "tool", "tool_call_id": "c", "content": "y"},
                {"role": "function", "name": "old", "content": "z"},
            ]
        )
    ).facts
    assert (facts.messages, facts.tool_results) == (4, 2)


def test_parts_that_are_not_text_are_modalities_and_uninspected() -> None:
    facts = read_chat(
        parts(
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "hologram", "payload": "1234567"},
        )
    ).facts
    assert facts.modalities == ("audio", "file", "image", "other", "text")
    assert facts.uninspected_bytes == len(PNG) + len("low") + len("AAAA") + len("wav") + len("file-1") + 7


def test_a_file_that_is_text_is_read_and_not_counted_as_uninspected() -> None:
    text = base64.b64encode(b"name,city\n" * 200).decode()
    file = {"type": "file", "file": {"filename": "a.csv", "file_data": f"data:text/csv;base64,{text}"}}
    assert read_chat(parts(file)).facts.uninspected_bytes == len("a.csv")
    audio = base64.b64encode(bytes(range(256)) * 20).decode()
    sent = {"type": "file", "file": {"file_data": f"data:text/csv;base64,{audio}"}}
    assert (read_chat(parts(sent)).facts.uninspected_bytes or 0) > len(audio)


def test_encrypted_reasoning_is_uninspected_wherever_it_stands() -> None:
    sealed = base64.b64encode(bytes(range(256)) * 20).decode()
    for member in ({"reasoning_details": [{"data": sealed}]}, {"reasoning": sealed}, {"sealed": sealed}):
        message = {"role": "assistant", "content": "ok", **member}
        assert read_chat(chat(messages=[message])).facts.uninspected_bytes == len(sealed)
    assert read_chat(chat(messages=[{"role": "user", "content": sealed}])).facts.uninspected_bytes == 0


def test_audio_of_an_earlier_answer_or_asked_for_is_a_modality() -> None:
    earlier = chat(messages=[{"role": "assistant", "content": None, "audio": {"id": "audio_1"}}])
    facts = read_chat(earlier).facts
    assert (facts.modalities, facts.uninspected_bytes) == (("audio",), 7)
    assert read_chat(chat(modalities=["text", "audio"])).facts.modalities == ("audio", "text")


def test_the_estimate_is_a_quarter_of_the_bytes_of_all_texts_rounded_up_and_four_a_message() -> None:
    def estimate(body: dict[str, Any]) -> int:
        value = read_chat(body).facts.prompt_tokens_est
        assert value is not None
        return value

    assert estimate(chat()) == 1 + 4
    assert estimate(parts({"type": "text", "text": "é" * 8})) == 4 + 4
    assert estimate(chat(messages=[{"role": "user", "content": "x" * 400}] * 2)) == 200 + 8
    arguments = {"type": "function", "function": {"name": "f", "arguments": "y" * 400}}
    assert estimate(chat(messages=[{"role": "assistant", "content": None, "tool_calls": [arguments]}])) > 100
    assert estimate(chat(tools=[{**function("f"), "description": "z" * 400}])) > 100
    assert estimate(parts({"type": "hologram", "payload": "x" * 400})) > 100
    assert estimate(parts({"type": "image_url", "image_url": {"url": PNG}})) == 4


def test_an_integer_beyond_64_bits_in_a_schema_leaves_a_generous_estimate() -> None:
    body = chat(tools=[{**function("f"), "maximum": 10**30}])
    facts = read_chat(body).facts
    assert facts.prompt_tokens_est is not None
    assert facts.bytes is not None
    assert facts.prompt_tokens_est >= facts.bytes // 4
