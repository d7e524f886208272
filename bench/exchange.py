"""The one question and its one answer, as bytes on the wire."""

from __future__ import annotations

import json
from typing import Final

MODEL: Final = "gpt-4o-mini"

_TEXT: Final = (
    "Our customer writes that the parcel with the two lamps has not arrived although the carrier reports "
    "it as delivered on Tuesday. Write a short, friendly answer that apologises, explains that we open an "
    "inquiry with the carrier today, and promises a replacement within five working days if it stays lost."
)
QUESTION: Final = json.dumps(
    {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "You answer for the support team of a small lamp shop. Be brief."},
            {"role": "user", "content": _TEXT},
        ],
        "temperature": 0.2,
        "max_tokens": 400,
        "user": "customer-4711",
    }
).encode()
"""A chat call of about 600 bytes."""

_ANSWER: Final = json.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "We are sorry to hear that. " * 12},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 92, "completion_tokens": 84, "total_tokens": 176},
    }
).encode()
ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_bench\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_ANSWER), _ANSWER)
)


def request(host: str, path: str, api_key: str | None) -> bytes:
    """The whole request, as the official SDK sends it but for a few headers."""
    authorization = "" if api_key is None else f"authorization: Bearer {api_key}\r\n"
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {host}\r\naccept: application/json\r\n"
        f"content-type: application/json\r\nuser-agent: OpenAI/Python 2.54.0\r\n{authorization}"
        f"content-length: {len(QUESTION)}\r\n\r\n"
    )
    return head.encode() + QUESTION
