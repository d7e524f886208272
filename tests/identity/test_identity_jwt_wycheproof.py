"""Project Wycheproof's JWS and JWK vectors: every one for an algorithm that can be configured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dataplane.identity.jwt_form import BadToken, split
from dataplane.identity.jwt_keys import BadKeySet, read_key_set

VECTORS = json.loads((Path(__file__).parent / "data/wycheproof.json").read_text("utf-8"))
GROUPS = [
    pytest.param(group, id=f"{kind}-{group['tests'][0]['tcId']}-{group['comment']}")
    for kind in ("signature", "key")
    for group in VECTORS[kind]
]
STRICTER = {
    ("PS256", 346), ("PS256", 350),  # the key's own `alg` is PS256, the message is PS384
    ("ES521", 347), ("ES521", 351),  # the key's own `alg` is no registered algorithm
}  # fmt: skip
"""Vectors that Wycheproof calls valid and that are refused here, by the key's `alg` and number: a key with an
`alg` verifies by that algorithm alone (RFC 7517, 4.4)."""


def accepted(public: dict[str, Any], jws: object) -> bool:
    keys = public if "keys" in public else {"keys": [public]}
    text = jws if isinstance(jws, str) else json.dumps(jws)
    try:
        read_key_set(json.dumps(keys).encode()).verify(split(text))
    except (BadToken, BadKeySet):
        return False
    return True


@pytest.mark.parametrize("group", GROUPS)
def test_every_vector_is_judged_as_it_should_be(group: dict[str, Any]) -> None:
    public = group["public"]
    for test in group["tests"]:
        wanted = test["result"] == "valid" and (public.get("alg"), test["tcId"]) not in STRICTER
        assert accepted(public, test["jws"]) == wanted, (test["tcId"], test["comment"])


def test_no_vector_was_lost() -> None:
    assert sum(len(group["tests"]) for kind in ("signature", "key") for group in VECTORS[kind]) == 372
