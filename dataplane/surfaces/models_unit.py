"""`GET /v1/models` and `GET /v1/models/{id}`: answered from the decision, never by a provider.

A caller sees the models that policy says it may use, and nothing else about them, so the list tells
no more than trying each would.
"""

from __future__ import annotations

from typing import Any

import orjson

from dataplane.domain import CallFacts, Decision, Operation, Reply
from dataplane.errors import Refused
from dataplane.surfaces.call import LocalUnit
from dataplane.surfaces.fields import is_model_id
from dataplane.surfaces.openai_errors import JSON_HEADER


class ModelList(LocalUnit):
    """The list; its facts ask for the candidates, of which the decision names the visible."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(CallFacts(wants_candidates=True))

    def answer(self, decision: Decision) -> Reply:
        """The visible models by id; raises `Refused` where the decision does not say which they are."""
        if decision.visible is None:
            raise Refused("gateway.policy_unavailable")
        return _reply({"object": "list", "data": [_model(name) for name in sorted(decision.visible)]})


class ModelRetrieve(LocalUnit):
    """One model; its id is the call's model, so policy decides as it would for a call to it."""

    __slots__ = ("_model",)

    def __init__(self, operation: Operation) -> None:
        """Raises `Refused` for an id that is percent-encoded or no well-formed model id."""
        model = operation.params["model"]
        if "%" in model:
            raise Refused("gateway.bad_path", "The model id in the path must not be percent-encoded.")
        if not is_model_id(model):
            raise Refused(
                "gateway.invalid_field",
                "model: must be at most 256 printable ASCII characters",
                param="model",
            )
        super().__init__(CallFacts(model=model))
        self._model = model

    def answer(self, decision: Decision) -> Reply:
        """The model's object."""
        return _reply(_model(self._model))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "regogate"}


def _reply(body: dict[str, Any]) -> Reply:
    return Reply(status=200, headers=(JSON_HEADER,), body=orjson.dumps(body))
