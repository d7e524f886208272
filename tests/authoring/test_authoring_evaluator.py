"""Decisions of a real OPA, one and many, are the ones a gateway would get."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from little_policy import REQUEST, facts, write_policies

from dataplane.authoring.batches import NotSplit, split
from dataplane.authoring.evaluator import EvaluationFailed, Evaluator, Undecided
from dataplane.cli.policy.sets import policy_set
from dataplane.opa.temporary import TemporaryOpa


def test_an_undefined_stage_is_no_decision(evaluator: Evaluator) -> None:
    with pytest.raises(Undecided, match="response"):
        evaluator.decide("response", facts())
    assert list(evaluator.decide_many("response", [b"{}", b"{}"])) == [None, None]


def test_an_input_that_is_no_json_is_named_and_not_shown(evaluator: Evaluator) -> None:
    with pytest.raises(EvaluationFailed, match="status 400") as caught:
        list(evaluator.decide_many("request", [b"{secret"]))
    assert "secret" not in str(caught.value)


def test_nobody_at_the_address_is_a_failure() -> None:
    nobody = Evaluator("http://127.0.0.1:1")
    with pytest.raises(EvaluationFailed):
        nobody.decide("request", facts())
    with pytest.raises(EvaluationFailed):
        list(nobody.decide_many("request", [b"{}"]))


def test_one_decision(evaluator: Evaluator) -> None:
    decision = evaluator.decide("request", facts())
    assert (decision["decision"], decision["reasons"]) == ("ALLOW", ["request.grant.tier"])


def test_a_proxy_of_the_environment_is_not_used(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert evaluator.decide("request", facts())["decision"] == "ALLOW"


def test_many_decisions_come_in_order_and_equal_the_single_ones(evaluator: Evaluator) -> None:
    asked = [facts(f"c{n}" if n % 3 else "batch", max_tokens=n * 10) for n in range(300)]
    answers = list(evaluator.decide_many("request", (orjson.dumps(one) for one in asked)))
    assert len(answers) == 300
    for one, answer in list(zip(asked, answers, strict=True))[::37]:
        assert answer is not None
        assert orjson.loads(answer) == evaluator.decide("request", one)
    kinds = [orjson.loads(answer)["decision"] for answer in answers if answer]
    assert kinds == ["BLOCK" if n % 3 else "CONSTRAIN" if n * 10 > 1000 else "ALLOW" for n in range(300)]


def test_inputs_are_taken_as_they_are_needed(evaluator: Evaluator) -> None:
    taken = []

    def inputs():  # type: ignore[no-untyped-def]
        for n in range(1000):
            taken.append(n)
            yield orjson.dumps(facts())

    answers = evaluator.decide_many("request", inputs(), connections=2, batch=10)
    next(answers)
    assert len(taken) == 30
    answers.close()  # type: ignore[attr-defined]


def test_no_input_is_no_answer(evaluator: Evaluator) -> None:
    assert list(evaluator.decide_many("request", [])) == []


def test_a_failing_built_in_is_no_decision_as_at_the_gateway(opa_binary: Path, tmp_path: Path) -> None:
    """Without strict-builtin-errors the block rule below would be silent and the call allowed."""
    fails = REQUEST + '\nblock contains "request.x.y" if net.cidr_contains("no network", input.source.ip)\n'
    policy = policy_set(str(write_policies(tmp_path / "p", request=fails)), opa=opa_binary)
    with TemporaryOpa(opa_binary, policy.bundle) as opa, Evaluator(opa.url) as evaluator:
        assert list(evaluator.decide_many("request", [orjson.dumps(facts())])) == [None]
        with pytest.raises(Undecided, match="cidr_contains"):
            evaluator.decide("request", facts())


def test_lists_answer_byte_for_byte_what_single_questions_do(evaluator: Evaluator) -> None:
    asked = [orjson.dumps(facts(f"c{n}" if n % 3 else "batch", max_tokens=n * 10)) for n in range(200)]
    asked[7] = orjson.dumps(facts("<b>&\u2028 \u00e9\U0001f600"))
    one_by_one = list(evaluator.decide_many("request", asked, batch=1))
    assert list(evaluator.decide_many("request", asked)) == one_by_one
    assert list(evaluator.decide_many("request", asked, batch=7, connections=1)) == one_by_one


def test_an_input_that_fails_takes_no_other_with_it(opa_binary: Path, tmp_path: Path) -> None:
    fails = REQUEST + '\nblock contains "request.x.y" if to_number(input.request.path) > 5\n'
    policy = policy_set(str(write_policies(tmp_path / "p", request=fails)), opa=opa_binary)
    asked = [orjson.dumps(facts(path="no number" if n in (3, 90) else str(n % 9))) for n in range(150)]
    with TemporaryOpa(opa_binary, policy.bundle) as opa, Evaluator(opa.url) as evaluator:
        answers = list(evaluator.decide_many("request", asked))
        assert answers == list(evaluator.decide_many("request", asked, batch=1))
    assert [n for n, answer in enumerate(answers) if answer is None] == [3, 90]


def test_an_input_that_is_several_values_shifts_no_answer(evaluator: Evaluator) -> None:
    one = orjson.dumps(facts())
    with pytest.raises(EvaluationFailed, match="one JSON value"):
        list(evaluator.decide_many("request", [one, b"{}, {}", one]))
    with pytest.raises(EvaluationFailed, match="status 400"):
        list(evaluator.decide_many("request", [one, b"{secret", one]))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"result":',
        b'{"result":[[{}]',
        b'{"result":[[{}],]}',
        b'{"result":[[{}][]]}',
        b'{"result":[[{}]]}',
        b'{"result":[[{}],[],[]]}',
        b"\xff",
    ],
)
def test_an_answer_that_is_no_list_of_decisions_is_refused(body: bytes) -> None:
    with pytest.raises(NotSplit):
        split(body, 2)


def test_a_list_of_decisions_is_split_where_it_ends() -> None:
    body = b'{"result":[[{"a":"],[{"}],[],[{"b":[1.0,[]]}]]}\n'
    assert split(body, 3) == [b'{"a":"],[{"}', None, b'{"b":[1.0,[]]}']
