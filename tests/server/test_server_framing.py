"""The framing filter: what it refuses, what it passes, and that neither splits nor mutants change that."""

from __future__ import annotations

import contextlib
import itertools
import random
import re

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.server.framing import DOUBTS, Doubt, Framing

LIMIT = 1000
POST = b"POST /v1/x HTTP/1.1\r\nHost: a\r\n"
CODED = re.compile(rb"\r\nTransfer-Encoding:", re.IGNORECASE)
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


Request = tuple[bytes, bytes]


def outcome(data: bytes, cuts: list[int] | None = None) -> tuple[list[Request], str | None]:
    """The requests found, as (head, plain body, "<end>" behind a complete chunked one), and the reason."""
    framing, reason = Framing(LIMIT), None
    requests: list[Request] = []
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})
    try:
        for start, end in itertools.pairwise(edges):
            while list_pieces(framing, data[start:end] if start >= 0 else b"", requests):
                start = -1  # one call ends with one request: ask again for the next
    except Doubt as doubt:
        reason = doubt.reason
    return [(head, unchunk(head, body)) for head, body in requests], reason


def list_pieces(framing: Framing, data: bytes, requests: list[Request]) -> bool:
    """Feed once; whether a request ended with bytes left over."""
    ended = False
    for kind, piece in framing.feed(data):
        if kind == "head":
            requests.append((piece, b""))
        else:
            head, body = requests[-1]
            requests[-1] = (head, body + piece)
        ended = framing.between  # holds before the piece is handled: an answer may be out by then
    return ended and framing.pending


def unchunk(head: bytes, body: bytes) -> bytes:
    if not CODED.search(head):
        return body
    plain = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        plain, body = plain + body[: int(size, 16)], body[int(size, 16) + 2 :]
        if size == b"0":
            plain += b"<end>"
    return plain


REFUSED = {
    "lower_case_method": (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
    "no_method": (b"/ HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
    "method_too_long": (b"A" * 21 + b" / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
    "two_spaces": (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
    "absolute_form": (b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
    "asterisk_form": (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
    "non_ascii_path": (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
    "http_0_9": (b"GET /\r\n\r\n", "bad_request_line"),
    "leading_empty_line": (b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
    "connect": (b"CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n", "unsupported_method"),
    "http_1_2": (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", "unsupported_http_version"),
    "http_9_9": (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", "unsupported_http_version"),
    "h2_preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "bad_request_line"),
    "tls_hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "nul"),
    "bare_lf_everywhere": (b"GET / HTTP/1.1\nHost: a\n\n", "bare_lf"),
    "bare_lf_once": (POST + b"A: b\n\r\n", "bare_lf"),
    "bare_cr": (POST + b"A: b\rc\r\n\r\n", "bare_cr"),
    "nul": (POST + b"A: \0\r\n\r\n", "nul"),
    "control_byte": (POST + b"A: \x01\r\n\r\n", "bad_header"),
    "delete_byte": (POST + b"A: \x7f\r\n\r\n", "bad_header"),
    "space_before_colon": (POST + b"A : b\r\n\r\n", "bad_header"),
    "no_colon": (POST + b"A\r\n\r\n", "bad_header"),
    "no_name": (POST + b": b\r\n\r\n", "bad_header"),
    "obs_fold": (POST + b"A: b\r\n c\r\n\r\n", "obs_fold"),
    "obs_fold_first": (b"GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", "obs_fold"),
    "two_hosts": (POST + b"Host: a\r\n\r\n", "duplicate_header"),
    "two_authorizations": (POST + b"Authorization: x\r\nauthorization: y\r\n\r\n", "duplicate_header"),
    "two_api_keys": (POST + b"X-Api-Key: x\r\nX-API-KEY: y\r\n\r\n", "duplicate_header"),
    "two_lengths": (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "duplicate_header"),
    "no_host": (b"GET / HTTP/1.1\r\n\r\n", "missing_host"),
    "length_list": (POST + b"Content-Length: 3, 3\r\n\r\nabc", "bad_content_length"),
    "length_plus": (POST + b"Content-Length: +3\r\n\r\nabc", "bad_content_length"),
    "length_minus": (POST + b"Content-Length: -3\r\n\r\nabc", "bad_content_length"),
    "length_empty": (POST + b"Content-Length:\r\n\r\nabc", "bad_content_length"),
    "length_hex": (POST + b"Content-Length: 0x3\r\n\r\nabc", "bad_content_length"),
    "length_16_digits": (POST + b"Content-Length: 0000000000000003\r\n\r\nabc", "bad_content_length"),
    "length_and_chunked": (
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "content_length_and_transfer_encoding",
    ),
    "te_xchunked": (POST + b"Transfer-Encoding: xchunked\r\n\r\n", "bad_transfer_encoding"),
    "te_gzip_chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", "bad_transfer_encoding"),
    "te_identity": (POST + b"Transfer-Encoding: identity\r\n\r\n", "bad_transfer_encoding"),
    "te_twice": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n", "duplicate_header"),
    "te_vertical_tab": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n", "bad_header"),
    "te_in_1_0": (
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "bad_transfer_encoding",
    ),
    "over_limit": (POST + b"Content-Length: 1001\r\n\r\n", "body_too_large"),
    "over_limit_chunked": (CHUNKED + b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\n", "body_too_large"),
    "huge_chunk": (CHUNKED + b"ffffffff\r\n", "body_too_large"),
    "size_17_digits": (CHUNKED + b"1" * 17 + b"\r\n", "bad_chunk"),
    "size_not_hex": (CHUNKED + b"g\r\n", "bad_chunk"),
    "size_empty": (CHUNKED + b"\r\n", "bad_chunk"),
    "size_signed": (CHUNKED + b"+1\r\nx\r\n", "bad_chunk"),
    "size_space": (CHUNKED + b"1 \r\nx\r\n0\r\n\r\n", "bad_chunk"),
    "extension_after_space": (CHUNKED + b"1 ;a=b\r\nx\r\n", "bad_chunk"),
    "size_endless": (CHUNKED + b"1" * 100, "bad_chunk"),
    "size_bare_lf": (CHUNKED + b"1\nx\n0\n\n", "bare_lf"),
    "chunk_end_missing": (CHUNKED + b"1\r\nxyz", "bad_chunk"),
    "chunk_end_bare_lf": (CHUNKED + b"1\r\nx\n", "bare_lf"),
    "extension_65": (CHUNKED + b"1;" + b"e" * 64 + b"\r\n", "chunk_extension_too_large"),
    "extension_endless": (CHUNKED + b"1;" + b"e" * 10_000, "chunk_extension_too_large"),
    "trailers": (CHUNKED + b"0\r\nX: y\r\n\r\n", "trailers"),
    "head_too_large": (POST + b"A: " + b"x" * 40_000, "head_too_large"),
    "request_line_too_large": (b"GET /" + b"x" * 40_000, "head_too_large"),
    "too_many_headers": (POST + b"A: b\r\n" * 100 + b"\r\n", "too_many_headers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_its_reason(name: str) -> None:
    data, reason = REFUSED[name]
    assert outcome(data)[1] == reason
    assert outcome(data, list(range(len(data))))[1] == reason, "byte by byte"


def test_every_reason_has_a_client_error_status_a_sentence_and_a_case() -> None:
    assert {reason for _, reason in REFUSED.values()} | {"host_mismatch"} == set(DOUBTS)
    for reason, meaning in DOUBTS.items():
        assert meaning.status in (400, 413, 431)
        assert meaning.sentence.endswith(".")
        assert Doubt.of(reason).status == meaning.status


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (POST + b"\r\n", b""),
        (POST + b"Content-Length: 0\r\n\r\n", b""),
        (POST + b"Content-Length: 3 \r\n\r\nabc", b"abc"),
        (POST + b"content-length:003\r\n\r\nabc", b"abc"),
        (POST + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000, b"x" * 1000),
        (CHUNKED + b"0\r\n\r\n", b"<end>"),
        (CHUNKED + b"3\r\nabc\r\n00000002;a=b\r\nde\r\n0\r\n\r\n", b"abcde<end>"),
        (CHUNKED + b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n", b"x" * 1000 + b"<end>"),
        (CHUNKED + b"1;" + b"e" * 63 + b"\r\nx\r\n0\r\n\r\n", b"x<end>"),
        (b"GET /a?b=%2F HTTP/1.0\r\n\r\n", b""),
        (POST + b"A: b\r\n" * 99 + b"\r\n", b""),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"x" * (32 * 1024 - 32) + b"\r\n\r\n", b""),
    ],
)
def test_passed(data: bytes, body: bytes) -> None:
    requests, reason = outcome(data)
    assert reason is None
    assert [found for _, found in requests] == [body]


def test_upgrades_are_dropped_and_nothing_else() -> None:
    head = POST + b"Connection: Upgrade, HTTP2-Settings\r\n"
    [(passed, _)], _ = outcome(head + b"Upgrade: h2c\r\nHTTP2-Settings: AAA\r\nA: b\r\n\r\n")
    assert passed == head + b"A: b\r\n\r\n"


def test_a_chunk_extension_does_not_reach_h11() -> None:
    framing = Framing(LIMIT)
    data = CHUNKED + b"2;secret=1\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    assert [piece for kind, piece in framing.feed(data) if kind == "body"] == [b"3\r\nabc\r\n", b"0\r\n\r\n"]


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (b"GET /a?b HTTP/1.1\r\nA: \0", (b"GET", b"/a?b")),
        (b"GET /a HTTP/9.9\nHost: a\n\n", (b"GET", b"/a")),
        (b"CONNECT /a HTTP/1.1\r\n\0", None),
        (b"GET http://a/ HTTP/1.1\r\n\0", None),
        (b"GET /a\0", None),
    ],
)
def test_the_request_line_is_kept_for_the_refusal_where_legible(
    head: bytes, line: tuple[bytes, bytes] | None
) -> None:
    framing = Framing(LIMIT)
    with pytest.raises(Doubt):
        list(framing.feed(head))
    assert framing.request_line == line


VALID = [
    POST + b"Content-Length: 11\r\nAuthorization: Bearer k\r\nContent-Type: text/plain\r\n\r\nhello world",
    CHUNKED + b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
    b"GET /v1/models?limit=2 HTTP/1.1\r\nHost: gateway:8080\r\nAccept: */*\r\nX-A: \xe9\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    POST + b"Upgrade: h2c\r\nExpect: 100-continue\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
]
messages = st.one_of(
    st.sampled_from(VALID),
    st.sampled_from([data for data, _ in REFUSED.values() if len(data) < 2000]),
    st.tuples(st.sampled_from(VALID), st.sampled_from(VALID)).map(b"".join),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=messages, cuts=st.lists(st.integers(0, 4000), max_size=12))
def test_splits_do_not_change_the_outcome(data: bytes, cuts: list[int]) -> None:
    assert outcome(data, cuts) == outcome(data)


FRAGMENTS = [
    *(bytes([byte]) for byte in b"\r\n\0 \t:;,0139afZ+-_/\x01\x0b\x7f\x85\xa0\xff"),
    b"\r\n",
    b"\r\n\r\n",
    b"\r\n ",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 0\r\n",
    b"Connection: close\r\n",
    b"0\r\n",
    b"chunked",
]


def mutant(seed: int) -> bytes:
    dice = random.Random(seed)
    data = bytearray(dice.choice(VALID))
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(4):
            case 0:
                data[at:at] = dice.choice(FRAGMENTS)
            case 1:
                data[at : at + dice.randint(1, 4)] = dice.choice(FRAGMENTS)
            case 2:
                del data[at : at + dice.randint(1, 8)]
            case _:
                data[at:at] = data[at : at + dice.randint(1, 30)]
    return bytes(data)


def read_by_h11(data: bytes, *, whole: bool) -> tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]:
    """Method, target, headers and body of the first request; `whole`: it must end, and without trailers."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(data)
    request, body = connection.next_event(), b""
    assert isinstance(request, h11.Request)
    with contextlib.nullcontext() if whole else contextlib.suppress(h11.RemoteProtocolError):
        while isinstance(event := connection.next_event(), h11.Data):
            body += bytes(event.data)
        if whole:
            assert isinstance(event, h11.EndOfMessage)
            assert not list(event.headers)
    return request.method, request.target, list(request.headers), body


def test_what_the_filter_accepts_h11_reads_alike() -> None:
    """For mutants of valid requests: nothing passes that h11 would read as another request."""
    whole = 0
    for seed in range(6000):
        data = mutant(seed)
        requests, reason = outcome(data)
        if not requests:
            continue
        head, body = requests[0]
        ended = len(requests) > 1 or (body.endswith(b"<end>") if CODED.search(head) else reason is not None)
        whole += ended
        method, target, headers, plain = read_by_h11(data, whole=ended)
        kept = [pair for pair in headers if pair[0] not in (b"upgrade", b"http2-settings")]
        assert read_by_h11(head, whole=False)[:3] == (method, target, kept), data
        if ended:
            assert plain == body.removesuffix(b"<end>"), data
        else:
            assert plain.startswith(body), data
    assert whole > 300
