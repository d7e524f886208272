"""The OpenAPI 3.1 document of the admin API, made of the table of its operations and of its models."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from dataplane import __version__
from dataplane.edge import admin_models as m
from dataplane.edge.admin_routes import OPERATIONS, ROOT, AdminOperation

VERSION: Final = "3.1.0"
_REF: Final = "#/components/schemas/{model}"

_PROBLEMS: Final = {
    "400": "The query, the body or one of its fields is not as described.",
    "401": "No valid token.",
    "403": "The token's role may not do this.",
    "404": "There is no such key, client or token.",
    "409": "It does not fit with what was done before.",
    "413": "The body is too large.",
    "415": "The body is not application/json.",
    "429": "Too many failed authentications.",
    "503": "The database or the audit log is unavailable.",
}


def openapi() -> dict[str, Any]:
    """The whole document, JSON-serialisable."""
    bodies = [one.body for one in OPERATIONS if one.body is not None]
    answers: list[type[BaseModel]] = [*(one.answer for one in OPERATIONS), m.Error]
    modes: list[tuple[type[BaseModel], Any]] = [(one, "validation") for one in dict.fromkeys(bodies)]
    modes += [(one, "serialization") for one in dict.fromkeys(answers)]
    _, schemas = models_json_schema(modes, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(ROOT + one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": VERSION,
        "info": {
            "title": "RegoGate admin API",
            "version": __version__,
            "description": "API keys and their tokens. Served on the admin address only.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `regogate admin create-token`.",
                }
            },
        },
    }


def _operation(one: AdminOperation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": one.id,
        "summary": one.summary,
        "description": f"Role: {one.role} or above.",
        "x-regogate-role": one.role,
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in one.variables
            ),
            *(
                {"name": each.name, "in": "query", "description": each.about, "schema": dict(each.schema)}
                for each in one.query
            ),
            {
                "name": "x-regogate-reason",
                "in": "header",
                "description": "Why a break-glass token is used; it must give one, here or in the body.",
                "schema": {"type": "string", "maxLength": 200},
            },
        ],
        "responses": {
            str(one.status): {"description": one.answer.__doc__ or "", "content": _content(one.answer)},
            **{
                status: {"description": about, "content": _content(m.Error)}
                for status, about in _PROBLEMS.items()
                if one.body is not None or status not in ("413", "415")
            },
        },
    }
    if one.body is not None:
        found["requestBody"] = {"required": True, "content": _content(one.body)}
    return found


def _content(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}
