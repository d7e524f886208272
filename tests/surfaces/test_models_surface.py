import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from surface_calls import SURFACE, decision, head, read_call, state

from dataplane.domain import UNKNOWN_OPERATION, CallFacts, Constraints
from dataplane.errors import Refused
from dataplane.ports import Unit


def get(path: str, *body: bytes) -> Unit:
    call, unit = read_call(head("GET", path, headers=()), *body)
    assert call.body_sha256 is None
    return unit


def model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "regogate"}


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/demo"])
def test_a_body_is_refused(path: str) -> None:
    get(path, b"", b"")
    with pytest.raises(Refused) as caught:
        get(path, b"", b"{}")
    assert (caught.value.status, caught.value.reasons) == (400, ("gateway.invalid_field",))


@pytest.mark.parametrize(
    ("model_id", "reason"),
    [
        ("a%2Fb", "gateway.bad_path"),
        ("a%20b", "gateway.bad_path"),
        ("%", "gateway.bad_path"),
        ("a" * 257, "gateway.invalid_field"),
        ("a b", "gateway.invalid_field"),
        ("a\x7f", "gateway.invalid_field"),
    ],
)
def test_a_model_id_that_is_encoded_or_ill_formed_is_refused(model_id: str, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        get(f"/v1/models/{model_id}")
    assert (caught.value.status, caught.value.reasons) == (400, (reason,))


def test_a_list_asks_for_candidates_and_answers_the_visible_sorted() -> None:
    unit = get("/v1/models")
    assert unit.facts == CallFacts(wants_candidates=True)
    assert unit.forward() is None
    reply = unit.answer(decision(visible=("b", "a/x", "demo")))
    assert (reply.status, reply.headers) == (200, ((b"content-type", b"application/json"),))
    assert json.loads(reply.body) == {"object": "list", "data": [model("a/x"), model("b"), model("demo")]}
    assert json.loads(unit.answer(decision(visible=())).body)["data"] == []


def test_a_list_without_the_visible_is_refused_and_not_empty() -> None:
    with pytest.raises(Refused) as caught:
        get("/v1/models").answer(decision())
    assert caught.value.reasons == ("gateway.policy_unavailable",)


@pytest.mark.parametrize("name", ["demo", "openai/gpt-4o", "ft:gpt-4o:acme::7p4L"])
def test_one_model_is_a_fact_and_the_answer(name: str) -> None:
    unit = get(f"/v1/models/{name}")
    assert unit.facts == CallFacts(model=name)
    assert unit.forward() is None
    assert json.loads(unit.answer(decision()).body) == model(name)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/demo"])
def test_caps_and_strips_hold_of_themselves_and_another_model_is_refused(path: str) -> None:
    unit = get(path)
    unit.constrain(Constraints(max_tokens=5, strip_tools=frozenset({"shell"}), delay_ms=5))
    with pytest.raises(Refused) as caught:
        unit.constrain(Constraints(model="other"))
    assert caught.value.reasons == ("gateway.unenforceable",)
    with pytest.raises(Refused):
        unit.exchange()


async def untouchable() -> AsyncIterator[bytes]:
    pytest.fail("the body was read")
    yield b""  # type: ignore[unreachable]  # makes it a generator


def test_an_unknown_operation_cannot_be_read_and_its_body_is_not() -> None:
    request = head("POST", "/v1/nothing", query="x=1", headers=())
    with pytest.raises(Refused) as caught:
        asyncio.run(SURFACE.read(request, UNKNOWN_OPERATION, untouchable()))
    assert caught.value.status == 404
    reply = SURFACE.refuse(caught.value, state(decided=True))
    assert json.loads(reply.body)["error"]["policy_revision"] == "7-gabc1234-0123456789ab"
