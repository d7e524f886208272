"""Refusals in OpenAI's error shape, so that its SDKs raise their typed errors.

The SDKs choose the exception by status and read `message`, `type`, `param`, `code` from `error`
(openai-python `_exceptions.py`); `request_id`, `reasons`, `policy_revision` are ours.
"""

from __future__ import annotations

import math
from typing import Final

import orjson

from dataplane.domain import CallState, Reply
from dataplane.errors import Refused

JSON_HEADER: Final = (b"content-type", b"application/json")


def error_body(refused: Refused, state: CallState) -> bytes:
    """`{"error": {...}}` as bytes; holds nothing but what the refusal and the decision say."""
    return orjson.dumps(
        {
            "error": {
                "message": refused.message,
                "type": refused.type,
                "param": refused.param,
                "code": refused.code,
                "request_id": state.head.request_id,
                "reasons": list(refused.reasons),
                "policy_revision": None if state.decision is None else state.decision.revision,
            }
        }
    )


def refuse(refused: Refused, state: CallState) -> Reply:
    """The whole answer. `Retry-After` is in whole seconds, rounded up, at least 1."""
    headers = [JSON_HEADER]
    if refused.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(refused.retry_after_s))))
    if refused.challenge is not None:
        headers.append((b"www-authenticate", refused.challenge.encode("ascii")))
    return Reply(status=refused.status, headers=tuple(headers), body=error_body(refused, state))


def cut(refused: Refused, state: CallState) -> bytes:
    """The end of a stream that was begun: an error event, then the terminator.

    The official SDKs raise `APIError` on a chunk that has `error` (openai-python `_streaming.py`,
    openai-node `core/streaming.ts`) and read no further; the terminator ends clients that do not.
    """
    return b"data: " + error_body(refused, state) + b"\n\ndata: [DONE]\n\n"
