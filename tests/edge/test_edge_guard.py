"""What a head alone is refused for, and that ordinary heads pass."""

from __future__ import annotations

import pytest

from dataplane.domain import Head
from dataplane.edge.guard import judge


def head(
    path: str = "/v1/chat/completions",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    host: bytes = b"localhost",
) -> Head:
    return Head(
        request_id="r",
        method="POST",
        path=path,
        query="",
        headers=((b"host", host), *headers),
        http_version="2",
        peer_ip="127.0.0.1",
    )


def reason(given: Head) -> str | None:
    refused = judge(given)
    return None if refused is None else refused.reasons[0]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "x",
        "//",
        "/v1//chat",
        "/v1/./chat",
        "/v1/../chat",
        "/..",
        "/v1/chat/..",
        "/v1/%2e%2e/chat",
        "/v1/%2Fchat",
        "/v1/%5cchat",
        "/v1/%00",
        "/v1/%0a",
        "/v1/%7f",
        "/v1/%ff",
        "/v1/%c3%a9",
        "/v1/%",
        "/v1/%2",
        "/v1/%zz",
        "/v1/a b",
        "/v1/\u00e9",
        "/v1/a\x00b",
        "/v1/a\\b",
        "http://h/v1",
        "/v1/a?b",
        "/v1/a#b",
        '/v1/"',
    ],
)
def test_a_path_that_two_readers_could_read_differently_is_refused(path: str) -> None:
    assert reason(head(path)) == "gateway.bad_path"


@pytest.mark.parametrize(
    "path", ["/", "/v1/models", "/v1/models/ft:gpt-4o:acme::x", "/v1/models/org/name", "/v1/a%20b", "/v1/x/"]
)
def test_an_ordinary_path_passes(path: str) -> None:
    assert reason(head(path)) is None


@pytest.mark.parametrize(
    "host", [b"", b" ", b"a b", b"a/b", b"u@h", b"h:x", b"h:", b"[::1", b"-h", b"h\xe9", b"h,h2", b"h:123456"]
)
def test_a_host_that_is_none_is_refused(host: bytes) -> None:
    assert reason(head(host=host)) == "gateway.bad_host"


@pytest.mark.parametrize(
    "host", [b"localhost", b"LOCALHOST:8080", b"a.example.", b"127.0.0.1:1", b"[::1]:8080", b"x_y"]
)
def test_a_host_with_an_optional_port_passes(host: bytes) -> None:
    assert reason(head(host=host)) is None


def test_no_host_and_two_hosts_are_refused() -> None:
    nobody = Head(request_id="r", method="GET", path="/", query="", headers=(), http_version="2", peer_ip="")
    assert reason(nobody) == "gateway.bad_host"
    assert reason(head(headers=((b"host", b"localhost"),))) == "gateway.bad_header"


@pytest.mark.parametrize(
    "name", [b"authorization", b"content-type", b"content-length", b"x-api-key", b"content-encoding"]
)
def test_a_header_that_counts_stands_once(name: bytes) -> None:
    assert reason(head(headers=((name, b"identity"), (name, b"identity")))) == "gateway.bad_header"


def test_a_compressed_body_is_refused_and_identity_passes() -> None:
    assert reason(head(headers=((b"content-encoding", b"gzip"),))) == "gateway.content_encoding"
    assert reason(head(headers=((b"content-encoding", b"Identity"),))) is None


@pytest.mark.parametrize("value", [b"a\x01b", b"a\nb", b"\x7f", b"\x00"])
def test_a_control_byte_in_a_value_is_refused(value: bytes) -> None:
    assert reason(head(headers=((b"x-anything", value),))) == "gateway.bad_header"


def test_a_head_within_bounds_passes_and_beyond_is_431() -> None:
    many = tuple((b"x-%d" % n, b"v") for n in range(99))
    assert reason(head(headers=many)) is None
    assert reason(head(headers=(*many, (b"x-more", b"v")))) == "gateway.headers_too_large"
    assert reason(head(headers=((b"x-big", b"v" * 40_000),))) == "gateway.headers_too_large"
