from typing import Any

import pytest
from surface_calls import chat, forward, function, read_chat, sent_body

from dataplane.domain import Constraints
from dataplane.errors import Refused

OTHER = {"parallel_tool_calls": False}
SEARCH, SHELL = function("search"), function("shell")


def constrained(body: dict[str, Any], **constraints: Any) -> dict[str, Any]:
    unit = read_chat(body)
    unit.constrain(Constraints(**constraints))
    return sent_body(unit)


def stripped(*names: str, **fields: Any) -> dict[str, Any]:
    body = constrained(chat(**fields), strip_tools=frozenset(names))
    return {key: value for key, value in body.items() if key not in ("model", "messages")}


@pytest.mark.parametrize(
    ("model", "given", "sent"),
    [
        ("gpt-4o", {}, {"max_tokens": 100}),
        ("o1-mini", {}, {"max_completion_tokens": 100}),
        ("o3", {}, {"max_completion_tokens": 100}),
        ("o4-mini", {}, {"max_completion_tokens": 100}),
        ("gpt-5.1", {}, {"max_completion_tokens": 100}),
        ("openai/o3-mini", {}, {"max_completion_tokens": 100}),
        ("olmo-2", {}, {"max_tokens": 100}),
        ("gpt-4o", {"max_tokens": None}, {"max_tokens": 100}),
        ("gpt-4o", {"max_tokens": 101}, {"max_tokens": 100}),
        ("gpt-4o", {"max_tokens": 99}, {"max_tokens": 99}),
        ("gpt-4o", {"max_completion_tokens": 5000}, {"max_completion_tokens": 100}),
        (
            "gpt-4o",
            {"max_tokens": 50, "max_completion_tokens": 5000},
            {"max_tokens": 50, "max_completion_tokens": 100},
        ),
        (
            "gpt-4o",
            {"max_tokens": 5000, "max_completion_tokens": 5000},
            {"max_tokens": 100, "max_completion_tokens": 100},
        ),
        (
            "gpt-4o",
            {"max_tokens": None, "max_completion_tokens": 5000},
            {"max_tokens": None, "max_completion_tokens": 100},
        ),
    ],
)
def test_a_token_cap_holds_in_every_field_and_is_set_where_there_is_none(
    model: str, given: dict[str, Any], sent: dict[str, Any]
) -> None:
    body = constrained(chat(model=model, **given), max_tokens=100)
    assert {key: value for key, value in body.items() if key.startswith("max_")} == sent


def test_the_model_is_replaced_for_the_upstream_too_and_decides_the_field_of_the_cap() -> None:
    unit = read_chat(chat())
    unit.constrain(Constraints(model="o3", max_tokens=7))
    assert forward(unit).model == "o3"
    body = sent_body(unit)
    assert (body["model"], body["max_completion_tokens"]) == ("o3", 7)
    assert "max_tokens" not in body


def test_a_stripped_tool_is_gone_and_the_others_stay() -> None:
    assert stripped("shell", tools=[SEARCH, SHELL], tool_choice="required", **OTHER) == {
        "tools": [SEARCH],
        "tool_choice": "required",
        **OTHER,
    }


@pytest.mark.parametrize("choice", ["auto", "required", "none", SHELL, None])
def test_without_a_tool_left_nothing_speaks_of_tools(choice: Any) -> None:
    assert stripped("shell", tools=[SHELL], tool_choice=choice, **OTHER) == {}


def test_a_forced_choice_of_a_stripped_tool_becomes_auto_and_another_stays() -> None:
    assert stripped("shell", tools=[SEARCH, SHELL], tool_choice=SHELL)["tool_choice"] == "auto"
    assert stripped("shell", tools=[SEARCH, SHELL], tool_choice=SEARCH)["tool_choice"] == SEARCH


def test_allowed_tools_are_filtered() -> None:
    def choice(*tools: Any) -> dict[str, Any]:
        return {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": list(tools)}}

    assert stripped("shell", tools=[SEARCH, SHELL], tool_choice=choice(SHELL, SEARCH))[
        "tool_choice"
    ] == choice(SEARCH)
    assert stripped("shell", tools=[SEARCH, SHELL], tool_choice=choice(SHELL))["tool_choice"] == "none"


def test_custom_and_built_in_tools_are_stripped_by_their_names() -> None:
    custom = {"type": "custom", "custom": {"name": "run_sql"}}
    built_in = {"type": "web_search"}
    assert stripped("run_sql", "web_search", tools=[custom, built_in, SEARCH]) == {"tools": [SEARCH]}
    assert stripped("web_search", web_search_options={}) == {}


def test_legacy_functions_are_stripped_too() -> None:
    both = [{"name": "search"}, {"name": "shell"}]
    assert stripped("shell", functions=both, function_call={"name": "shell"}) == {
        "functions": both[:1],
        "function_call": "auto",
    }
    assert stripped("shell", functions=both, function_call={"name": "search"})["function_call"] == {
        "name": "search"
    }
    assert stripped("shell", "search", functions=both, function_call="auto") == {}
    assert stripped("shell", functions=both[1:], function_call="auto", tools=[SEARCH]) == {"tools": [SEARCH]}


def test_what_changes_nothing_leaves_the_bytes() -> None:
    unit = read_chat(
        b'{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":5,"big":%d}' % 10**30
    )
    before = forward(unit).body
    unit.constrain(Constraints(max_tokens=5, strip_tools=frozenset({"absent"}), model="m", delay_ms=100))
    assert forward(unit).body == before


def test_an_integer_beyond_64_bits_in_a_changed_body_is_refused_by_its_path() -> None:
    unit = read_chat(chat(vendor=[{"x": 10**30}]))
    with pytest.raises(Refused) as caught:
        unit.constrain(Constraints(max_tokens=5))
    assert (caught.value.status, caught.value.param) == (400, "vendor[0].x")
