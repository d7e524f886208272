"""Many inputs in one question, because most of a decision's cost over HTTP is not the decision.

A rule of our own beside the policy asks it for each input of a list. Measured on 2 cores: 2.4 times the
decisions a second, and 2.4 times less of OPA's processor time for each. The decisions are the same: `with
input as` evaluates the whole policy anew, and strict built-ins hold for the list as they do for one; a list
in which one input fails has no answer and is halved, down to the one that fails.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from dataplane.errors import RegoGateError

BATCH: Final = 64
"""Inputs in a question; more gave no more decisions a second."""
BATCH_MAX_BYTES: Final = 1 << 20
"""Of the inputs of one question (each at most 64 KiB from a gateway)."""

_PACKAGE: Final = "regogate_batch"
"""Beside the bundle's one root, `regogate`, so that OPA takes it."""
_RULE: Final = """\
package {package}.{stage}

answers := [found |
	some asked in input
	found := [decision | decision := data.regogate.{stage}.decision with input as asked]
]
"""
_SCAN: Final = json.JSONDecoder()


class NotSplit(RegoGateError):
    """An answer is not the list of decisions that was asked for."""


def rule(stage: str) -> bytes:
    """The Rego that answers a list of inputs. `stage` must be an identifier."""
    return _RULE.format(package=_PACKAGE, stage=stage).encode()


def rule_target(stage: str) -> str:
    """Where OPA takes it."""
    return f"/v1/policies/{_PACKAGE}_{stage}"


def target(stage: str) -> str:
    """Where OPA answers a list."""
    return f"/v1/data/{_PACKAGE}/{stage}/answers"


def batches(inputs: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """The inputs in lists of at most `size` inputs and about `BATCH_MAX_BYTES`."""
    batch: list[bytes] = []
    length = 0
    for text in inputs:
        batch.append(text)
        length += len(text)
        if len(batch) >= size or length >= BATCH_MAX_BYTES:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch


def question(texts: Sequence[bytes]) -> bytes:
    """The body of a question about a list."""
    return b'{"input":[%b]}' % b",".join(texts)


def split(body: bytes, count: int) -> list[bytes | None]:
    """The decisions of an answer about `count` inputs, in order, each as OPA wrote it; None where there is
    none. Raises `NotSplit`: an input that is several JSON values, too, must not shift the others."""
    try:
        text = body.decode()
        place = _after(text, 0, '{"result":[')
        found: list[bytes | None] = []
        while not text.startswith("]", place):
            place = _after(text, place, "," if found else "")
            if text.startswith("[]", place):
                found.append(None)
                place += 2
                continue
            start = _after(text, place, "[")
            _, end = _SCAN.raw_decode(text, start)
            found.append(text[start:end].encode())
            place = _after(text, end, "]")
    except (ValueError, RecursionError):
        raise NotSplit("OPA's answer to a list of inputs is not a list of decisions") from None
    if len(found) != count:
        raise NotSplit(f"OPA gave {len(found)} answers to {count} inputs")
    return found


def _after(text: str, place: int, mark: str) -> int:
    if not text.startswith(mark, place):
        raise ValueError(mark)
    return place + len(mark)
