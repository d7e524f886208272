"""What a policy reads is never told as less than it is: real OPA compiles, we read what it made of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from dataplane.authoring.replay_reads import Reads, Remembering, _modules, reads
from dataplane.opa.temporary import TemporaryOpa

MODEL = "input.request.model"

CASES: dict[str, tuple[str, set[str], set[str]]] = {
    # name: rules, what is read whole, of what the shape is read; "" is all of the input
    "a_value": ("decision := input.request.model", {"request.model"}, set()),
    "twice": ("decision if input.request.a == input.request.a.b", {"request.a"}, set()),
    "a_step_that_is_computed": (
        "decision if input.request[input.time.hour]",
        {"request", "time.hour"},
        set(),
    ),
    "every_member": ("decision if { some k, v in input.request; k == v }", {"request"}, set()),
    "an_index": ("decision := {x | x := input.request.tools[_].type}", {"request.tools"}, set()),
    "every": ("decision if { every x in input.a.b { x.c == input.d } }", {"a.b", "d"}, set()),
    "negated": ("decision if not input.request.flag", {"request.flag"}, set()),
    "the_input": ("decision := input", {""}, set()),
    "the_input_by_name": ("decision if { x := input; x.a }", {"a"}, {""}),
    "the_input_by_two_names": ("decision if { x := input; y := x; y.a }", {""}, set()),
    "a_part_of_the_input_by_name": ('decision := object.get(input, "a", 0)', {"a"}, {""}),
    "null_by_name": (
        'decision if { n := object.get({}, "", null); n in input.request }',
        set(),
        {"request"},
    ),
    "no_null_by_name": (
        'decision if { n := object.get({}, "", 5); n in input.request }',
        {"request"},
        set(),
    ),
    "a_member_by_name": ("decision if { n := input.a; n in input.request }", {"request", "a"}, set()),
    "walked": ("decision if { walk(input, [p, v]); v == p }", {""}, set()),
    "the_input_in_an_array": ("decision := [input, 1]", {""}, set()),
    "a_key_of_the_input": ("decision if input[_] == 5", {""}, set()),
    "a_default": ('decision := object.get(input.request, "k", 0)', {"request.k"}, {"request"}),
    "a_default_of_a_path": ('decision := object.get(input.request, ["k", "l"], 0)', {"request"}, set()),
    "a_default_of_a_name": (f"decision := object.get(input.request, {MODEL}, 0)", {"request"}, set()),
    "its_own_default": (
        'decision if { x := input.request; object.get(x, "k", x) == 1 }',
        {"request"},
        set(),
    ),
    "a_name": (
        "decision if { x := input.request; x.model == x.n.m }",
        {"request.model", "request.n.m"},
        {"request"},
    ),
    "a_name_of_a_name": ("decision if { x := input.request; y := x; y.model }", {"request"}, set()),
    "a_name_handed_on": ("decision if { x := input.request; x.model; count(x) > 1 }", {"request"}, set()),
    "a_name_compared": ("decision if { x := input.request; x == {} }", {"request"}, set()),
    "an_import": ("decision := r.model", {"request.model"}, set()),
    "a_null": ("decision if null in input.request", set(), {"request"}),
    "another_member": ("decision if 5 in input.request", {"request"}, set()),
    "a_function": ("decision if f(input.request)\n\nf(x) if x.model == 1", {"request"}, set()),
    "a_null_function": (
        "decision if g(input.request, 1)\n\ng(x, y) if { null in x; y == 1 }",
        set(),
        {"request"},
    ),
    "a_null_function_that_reads": (
        "decision if h(input.request)\n\nh(x) if null in x\n\nh(x) if x.model == 1",
        {"request"},
        set(),
    ),
    "a_null_function_with_else": (
        "decision if i(input.request)\n\ni(x) if { null in x } else if { x.model == 1 }",
        {"request"},
        set(),
    ),
    "a_function_named_as_a_built_in": (
        "decision if eq(1, input.request)\n\neq(x, y) if { x == y.model }",
        {"request"},
        set(),
    ),
    "another_input": (f"decision if {MODEL} == 1 with {MODEL} as input.b", {"request.model", "b"}, set()),
    "another_whole_input": ("decision if input.a == 1 with input as input.b.c", {"a", "b.c"}, set()),
    "other_inputs": (
        "decision := [y | some x in input.each; y := z with input as x]\n\nz := input.a",
        {"each", "a"},
        set(),
    ),
    "this_input_as_another": ("decision if input.a == 1 with input as input", {""}, set()),
    "an_else": ("decision := 1 if { input.a } else := input.b if { input.c }", {"a", "b", "c"}, set()),
    "a_head": ("decision contains input.a", {"a"}, set()),
    "a_head_with_a_key": ("decision[input.a] := input.b", {"a", "b"}, set()),
    "a_call_in_a_call": ("decision := upper(trim(input.a.b, input.c))", {"a.b", "c"}, set()),
    "the_clock": ("decision if time.now_ns() > input.a", {""}, set()),
    "a_closure": ("decision if { x := input.a; count([1 | x.b]) == 1 }", {"a.b"}, {"a"}),
    "nothing": ("decision := data.regogate.t", set(), set()),
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory, opa_binary: Path) -> dict[str, Any]:
    """Every case compiled, by name, in one OPA."""
    place = tmp_path_factory.mktemp("cases")
    (place / ".manifest").write_text(json.dumps({"roots": ["regogate"], "rego_version": 1}))
    (place / "data.json").write_text(json.dumps({"regogate": {"t": {}}}))
    for name, (text, _, _) in CASES.items():
        uses = "import input.request as r\n\n" if " r." in text else ""
        (place / f"{name}.rego").write_text(f"package regogate.{name}\n\n{uses}{text}\n")
    with TemporaryOpa(opa_binary, place) as opa:
        modules = _modules(opa.url)
    found = {module["package"]["path"][2]["value"]: module for module in modules}
    assert found.keys() == CASES.keys()
    return found


@pytest.mark.parametrize("name", CASES)
def test_what_is_read(compiled: dict[str, Any], name: str) -> None:
    _, values, shapes = CASES[name]
    found = reads([compiled[name]], "request")
    said = {".".join(path) for path in found.values}
    assert "" in said if "" in values else said == values
    assert "" in values or {".".join(path) for path in found.shapes} == shapes


def test_a_module_that_has_another_form_reads_everything() -> None:
    for modules in ([], [{}], [{"package": {"path": []}, "rules": [{}]}], [{"rules": [{"body": 5}]}]):
        assert reads(modules, "request").values == ((),)


def test_other_stages_count_only_where_something_refers_to_them(tmp_path: Path, opa_binary: Path) -> None:
    (tmp_path / ".manifest").write_text(json.dumps({"roots": ["regogate"], "rego_version": 1}))
    (tmp_path / "a.rego").write_text("package regogate.request\n\ndecision := input.a\n")
    (tmp_path / "b.rego").write_text("package regogate.response\n\ndecision := input.b\n")
    (tmp_path / "c.rego").write_text("package regogate.lib\n\nx := input.c\n")
    with TemporaryOpa(opa_binary, tmp_path) as opa:
        modules = _modules(opa.url)
    assert reads(modules, "request").values == (("a",), ("c",))
    assert reads(modules, "response").values == (("b",), ("c",))
    (tmp_path / "c.rego").write_text("package regogate.lib\n\nx := data.regogate[input.c].decision\n")
    with TemporaryOpa(opa_binary, tmp_path) as opa:
        modules = _modules(opa.url)
    assert reads(modules, "request").values == (("a",), ("b",), ("c",))


def test_inputs_have_one_key_exactly_where_all_that_is_read_is_the_same() -> None:
    read = Reads(values=(("a", "b"), ("c",)), shapes=(("a",),))

    def key(document: Any) -> bytes:
        return read.key(orjson.dumps(document))

    same = key({"a": {"b": {"x": 1, "y": 2}, "id": 1}, "c": 5})
    assert key({"z": 0, "c": 5, "a": {"id": 2, "b": {"y": 2, "x": 1}}}) == same
    for other in (
        {"a": {"b": {"x": 1, "y": 2}, "id": 1}},  # absent
        {"a": {"b": {"x": 1, "y": 2}, "id": None}, "c": 5},  # a null member
        {"a": {"b": {"x": 1, "y": 2.0}, "id": 1}, "c": 5},  # another number
        {"a": {"b": {"x": True, "y": 2}, "id": 1}, "c": 5},
        {"a": [{"b": {"x": 1, "y": 2}}], "c": 5},  # another type
        {"a": {"b": {"x": 1, "y": 2}, "id": 1}, "c": None},
    ):
        assert key(other) != same
    assert key({"c": None}) != key({})
    assert key({"a": {}}) != key({"a": []}) != key({})


class Oracle:
    """Answers with the model asked about; None for none. Counts."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def decide_many(self, stage: str, inputs: Iterable[bytes]) -> Iterator[bytes | None]:
        for one in inputs:
            self.asked.append(one)
            model = orjson.loads(one).get("model")
            yield None if model is None else orjson.dumps([stage, model])


def test_an_opa_that_does_not_tell_is_asked_about_every_input() -> None:
    oracle = Oracle()
    asker = Remembering(oracle, "http://127.0.0.1:1")
    inputs = [orjson.dumps({"model": "a", "id": number}) for number in range(3)]
    assert list(asker.decide_many("request", inputs)) == [b'["request","a"]'] * 3
    assert oracle.asked == inputs


def test_one_answer_serves_all_that_no_rule_can_tell_apart(tmp_path: Path, opa_binary: Path) -> None:
    (tmp_path / ".manifest").write_text(json.dumps({"roots": ["regogate"], "rego_version": 1}))
    (tmp_path / "a.rego").write_text("package regogate.request\n\ndecision := input.model\n")
    oracle = Oracle()
    with TemporaryOpa(opa_binary, tmp_path) as opa:
        asker = Remembering(oracle, opa.url)
    models = ["a", "b", None, "a", None, "b", "a"]
    inputs = [orjson.dumps({"id": n} | ({"model": one} if one else {})) for n, one in enumerate(models)]
    expected = [orjson.dumps(["request", one]) if one else None for one in models]
    assert list(asker.decide_many("request", inputs)) == expected
    assert oracle.asked == inputs[:3]
    assert list(asker.decide_many("request", reversed(inputs))) == expected[::-1]
    assert len(oracle.asked) == 3
    assert list(asker.decide_many("response", inputs[:1])) == [b'["response","a"]']
