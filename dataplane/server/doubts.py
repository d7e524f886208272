"""What can be wrong with the framing of a request: a closed set of reasons, each with status and sentence."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Self

BAD_REQUEST: Final = 400
CONTENT_TOO_LARGE: Final = 413
HEAD_TOO_LARGE: Final = 431


class Meaning(NamedTuple):
    """The HTTP status a reason is answered with, and a sentence fit for the caller: what, and what to do."""

    status: int
    sentence: str


DOUBTS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "bad_request_line": Meaning(
            BAD_REQUEST,
            "The request line is not of the form 'METHOD /path HTTP/1.1'; send an upper-case method and "
            "a path that begins with '/' and holds printable ASCII only.",
        ),
        "unsupported_method": Meaning(
            BAD_REQUEST, "The method CONNECT is not served here; send the request to its path directly."
        ),
        "unsupported_http_version": Meaning(
            BAD_REQUEST, "This protocol version is not served here; use HTTP/1.1, or HTTP/2 over TLS."
        ),
        "bad_header": Meaning(
            BAD_REQUEST,
            "A header line is malformed; write 'Name: value' without a space before the colon and without "
            "control characters.",
        ),
        "bare_lf": Meaning(BAD_REQUEST, "A line ends in LF alone; end every line with CRLF."),
        "bare_cr": Meaning(BAD_REQUEST, "A CR stands without LF; end every line with CRLF."),
        "nul": Meaning(BAD_REQUEST, "The request head holds a NUL byte; remove it."),
        "obs_fold": Meaning(
            BAD_REQUEST, "A header value is folded over several lines; send it on a single line."
        ),
        "duplicate_header": Meaning(
            BAD_REQUEST,
            "A header that may stand only once, such as Host or Authorization, is repeated; send it once.",
        ),
        "missing_host": Meaning(BAD_REQUEST, "The Host header is missing; HTTP/1.1 requires it."),
        "host_mismatch": Meaning(
            BAD_REQUEST, "The Host header and :authority name different hosts; send :authority alone."
        ),
        "bad_content_length": Meaning(
            BAD_REQUEST, "Content-Length is not a plain decimal number; send the body's length in bytes."
        ),
        "bad_transfer_encoding": Meaning(
            BAD_REQUEST,
            "Transfer-Encoding is not exactly 'chunked', or stands in HTTP/1.0; send 'chunked' on HTTP/1.1, "
            "or a Content-Length.",
        ),
        "content_length_and_transfer_encoding": Meaning(
            BAD_REQUEST, "Both Content-Length and Transfer-Encoding are present; send one of them."
        ),
        "bad_chunk": Meaning(
            BAD_REQUEST,
            "A chunk of the body is malformed; send its size as 1 to 8 hexadecimal digits, CRLF, that many "
            "bytes, CRLF.",
        ),
        "chunk_extension_too_large": Meaning(
            BAD_REQUEST, "A chunk extension is longer than 64 bytes; send chunks without extensions."
        ),
        "trailers": Meaning(BAD_REQUEST, "The body is followed by trailer fields; send them as headers."),
        "body_too_large": Meaning(
            CONTENT_TOO_LARGE, "The body is larger than this gateway accepts; send a smaller one."
        ),
        "too_many_headers": Meaning(HEAD_TOO_LARGE, "The request has more than 100 headers; send fewer."),
        "head_too_large": Meaning(
            HEAD_TOO_LARGE, "The request line and headers exceed 32768 bytes together; send fewer or shorter."
        ),
    }
)


class Doubt(Exception):
    """The request's framing is in doubt: answer with `status`, and read nothing more of it.

    `reason` is a key of `DOUBTS` and carries no byte of the request, so it may be logged and recorded.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason

    @classmethod
    def of(cls, reason: str) -> Self:
        """The doubt of this reason, with the status `DOUBTS` gives it. Raises KeyError on an unknown one."""
        return cls(DOUBTS[reason].status, reason)
