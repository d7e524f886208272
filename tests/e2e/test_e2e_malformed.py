"""Whatever is sent: never a 5xx, a traceback, a hang or a call forwarded, and each refusal is recorded."""

from __future__ import annotations

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from e2e_gateway import EDGE_BODY_BYTES, Gateway
from e2e_raw import Answer, chat, send
from e2e_upstream import MockUpstream, until

MARK = "malformed-canary"
ERROR_FIELDS = {"message", "type", "code", "param", "request_id", "reasons", "policy_revision"}
STAMPS = ("x-request-id", "x-regogate-decision", "x-regogate-policy-revision", "x-regogate-reasons")
MUTANTS = 160
GOOD = b'{"model":"m","messages":[{"role":"user","content":"%b"}]}' % MARK.encode()

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
TE = b"Transfer-Encoding: chunked\r\n"
L = b"Content-Length: 2\r\n\r\n{}"
HEADS: dict[str, bytes] = {
    "content-length and transfer-encoding": HEAD + TE + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "transfer-encoding and content-length": HEAD + b"Content-Length: 5\r\n" + TE + b"\r\n0\r\n\r\n",
    "two equal lengths": HEAD + b"Content-Length: 2\r\n" + L,
    "two lengths": HEAD + b"Content-Length: 3\r\n" + L,
    "list of lengths": HEAD + b"Content-Length: 2, 2\r\n\r\n{}",
    "length with a sign": HEAD + b"Content-Length: +2\r\n\r\n{}",
    "negative length": HEAD + b"Content-Length: -2\r\n\r\n{}",
    "hexadecimal length": HEAD + b"Content-Length: 0x2\r\n\r\n{}",
    "length with an underscore": HEAD + b"Content-Length: 1_0\r\n\r\n0123456789",
    "length of other digits": HEAD + "Content-Length: ２\r\n\r\n{}".encode(),
    "huge length": HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
    "length over the limit": HEAD + b"Content-Length: %d\r\n\r\n" % (EDGE_BODY_BYTES + 1),
    "two authorizations": HEAD + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n" + L,
    "two hosts": b"POST /v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\n" + L,
    "no host": b"POST /v1/models HTTP/1.1\r\n" + L,
    "empty host": b"GET /v1/models HTTP/1.1\r\nHost:\r\n\r\n",
    "host with a path": b"GET /v1/models HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "host with a user": b"GET /v1/models HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "host with a query": b"GET /v1/models HTTP/1.1\r\nHost: a?b\r\n\r\n",
    "host with a space": b"GET /v1/models HTTP/1.1\r\nHost: a b\r\n\r\n",
    "host with a wide port": b"GET /v1/models HTTP/1.1\r\nHost: a:1234567\r\n\r\n",
    "obs-fold": HEAD + b"X: a\r\n b\r\n" + L,
    "obs-fold with a tab": HEAD + b"X: a\r\n\tb\r\n" + L,
    "bare LF in the head": HEAD + b"X: a\n" + L,
    "bare LF everywhere": b"GET /v1/models HTTP/1.1\nHost: a\n\n",
    "bare CR": HEAD + b"X: a\rb\r\n" + L,
    "NUL in a value": HEAD + b"X: a\0b\r\n" + L,
    "NUL in the path": b"GET /v1/\0models HTTP/1.1\r\nHost: a\r\n\r\n",
    "control byte in a value": HEAD + b"X: a\x01b\r\n" + L,
    "delete byte in a value": HEAD + b"X: a\x7fb\r\n" + L,
    "space before the colon": HEAD + b"X : a\r\n" + L,
    "no colon": HEAD + b"X\r\n" + L,
    "no name": HEAD + b": a\r\n" + L,
    "name with a separator": HEAD + b"X(y): a\r\n" + L,
    "te xchunked": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "te gzip, chunked": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "te chunked twice": HEAD + TE + TE + b"\r\n0\r\n\r\n",
    "te identity": HEAD + b"Transfer-Encoding: identity\r\n" + L,
    "te vertical tab": HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "te in http/1.0": HEAD.replace(b"1.1", b"1.0") + TE + b"\r\n0\r\n\r\n",
    "chunk extension of 10 kB": HEAD + TE + b"\r\n2;" + b"e" * 10_000 + b"\r\n{}\r\n0\r\n\r\n",
    "chunk extension after a space": HEAD + TE + b"\r\n2 ;a\r\n{}\r\n0\r\n\r\n",
    "chunk size of 17 digits": HEAD + TE + b"\r\n" + b"0" * 16 + b"2\r\n{}\r\n0\r\n\r\n",
    "chunk size not hexadecimal": HEAD + TE + b"\r\nxyz\r\n{}\r\n0\r\n\r\n",
    "chunk size negative": HEAD + TE + b"\r\n-2\r\n{}\r\n0\r\n\r\n",
    "chunk lines with bare LF": HEAD + TE + b"\r\n2\n{}\n0\n\n",
    "chunk longer than its size": HEAD + TE + b"\r\n1\r\n{}\r\n0\r\n\r\n",
    "chunks over the limit": HEAD + TE + b"\r\nffff\r\n" + b"x" * 0xFFFF + b"\r\n0\r\n\r\n",
    "trailers": HEAD + TE + b"\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n",
    "101 headers": HEAD + b"".join(b"X%d: y\r\n" % i for i in range(101)) + L,
    "600 headers": HEAD + b"".join(b"X%d: y\r\n" % i for i in range(600)) + L,
    "head of 70 kB": HEAD + b"X: " + b"y" * 70_000 + b"\r\n" + L,
    "path of 40 kB": b"GET /" + b"y" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "lower-case method": b"post /v1/chat/completions HTTP/1.1\r\nHost: a\r\n" + L,
    "no method": b"/v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
    "two spaces": b"GET  /v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
    "absolute form": b"GET http://a/v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
    "asterisk form": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "connect": b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "http/0.9": b"GET /v1/models\r\n\r\n",
    "http/1.2": b"GET /v1/models HTTP/1.2\r\nHost: a\r\n\r\n",
    "http/9.9": b"GET /v1/models HTTP/9.9\r\nHost: a\r\n\r\n",
    "http/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "leading empty line": b"\r\nGET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
    "tls hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "non-ASCII path": b"GET /v1/mod\xc3\xa9ls HTTP/1.1\r\nHost: a\r\n\r\n",
}  # fmt: skip
PATHS = (
    "/v1%2Fchat/completions", "/v1/%2e%2e/v1/models", "/v1/models/%2E", "/v1/../v1/models", "/v1/./models",
    "//v1/models", "/v1//models", "/v1/models/a%00", "/v1/models/%zz", "/v1/models/%", "/v1/models/a%5Cb",
    "/v1/models/%ff", "/v1/models/a%0d%0aX:y", "/v1/models\\x", "/v1/models/\"<script>", "/v1/models/..",
)  # fmt: skip
REFUSED_PATHS = (
    "/", "/v1", "/v1/", "/v1/chat", "/v1/chat/completions/", "/V1/chat/completions", "/v1/models/", "/admin",
    "/v1/files", "/v1/responses", "/readyz/", "/metrics", "/bundles/dev", "/status",
    "/v1/chat/completions;x=y",
)  # fmt: skip
BODIES: dict[str, bytes] = {
    "empty": b"",
    "no json": b"hello",
    "unclosed": GOOD[:-1],
    "trailing bytes": GOOD + b"x",
    "two values": GOOD + GOOD,
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "utf-16": GOOD.decode().encode("utf-16"),
    "bad utf-8": GOOD.replace(b"canary", b"\xff"),
    "overlong utf-8": GOOD.replace(b"canary", b"\xc0\xaf"),
    "lone surrogate": GOOD.replace(b"canary", b"\\ud800"),
    "reversed surrogates": GOOD.replace(b"canary", b"\\udc00\\ud800"),
    "surrogate in a key": GOOD.replace(b'"role"', b'"\\ud800":1,"role"'),
    "control character": GOOD.replace(b"canary", b"\x01"),
    "raw newline in a string": GOOD.replace(b"canary", b"\n"),
    "bad escape": GOOD.replace(b"canary", b"\\x"),
    "single quotes": GOOD.replace(b'"', b"'"),
    "comment": b"/* */" + GOOD,
    "trailing comma": GOOD[:-1] + b",}",
    "NaN": GOOD[:-1] + b',"temperature":NaN}',
    "Infinity": GOOD[:-1] + b',"temperature":Infinity}',
    "1e999": GOOD[:-1] + b',"temperature":1e999}',
    "leading zero": GOOD[:-1] + b',"n":01}',
    "plus sign": GOOD[:-1] + b',"n":+1}',
    "duplicate key": GOOD[:-1] + b',"model":"other"}',
    "escaped duplicate key": GOOD[:-1] + b',"mod\\u0065l":"other"}',
    "inner duplicate key": GOOD.replace(b'"role"', b'"role":"system","role"'),
    "depth 65": GOOD[:-1] + b',"x":' + b"[" * 65 + b"]" * 65 + b"}",
    "depth 5000": b"[" * 5000 + b"]" * 5000,
    "array": b"[]",
    "string": b'"x"',
    "null": b"null",
    "number": b"1",
    "no model": b'{"messages":[{"role":"user","content":"x"}]}',
    "no messages": b'{"model":"m"}',
    "messages empty": b'{"model":"m","messages":[]}',
    "message no object": b'{"model":"m","messages":["x"]}',
    "role missing": b'{"model":"m","messages":[{"content":"x"}]}',
    "role a number": b'{"model":"m","messages":[{"role":1,"content":"x"}]}',
    "content a number": b'{"model":"m","messages":[{"role":"user","content":1}]}',
    "content an object": b'{"model":"m","messages":[{"role":"user","content":{}}]}',
    "part without a type": b'{"model":"m","messages":[{"role":"user","content":[{"text":"x"}]}]}',
    "part no object": b'{"model":"m","messages":[{"role":"user","content":["x"]}]}',
    "text a number": b'{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":1}]}]}',
}
FIELDS: dict[str, str] = {
    "model": "[1, null, [], {}, \"\", \"a b\\u0000\", true]",
    "stream": '[1, "true", []]',
    "n": '[0, -1, 1.5, "1", 129, true]',
    "max_tokens": '[0, -1, 1.5, "9", true, []]',
    "max_completion_tokens": '[0, -5, 2.5, "9", {}]',
    "temperature": '["1", [], true]',
    "top_p": '["x", {}]',
    "stop": '[1, [1], {}]',
    "tools": '[1, {}, [1], [{}], [{"type":"function"}], [{"type":"function","function":{"name":""}}], '
    '[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"a"}}], '
    '[{"type":"function","function":{"name":"a b"}}], [{"type":1}]]',
    "tool_choice": '[1, [], {"type":"function"}]',
    "stream_options": '[1, [], {"include_usage":1}]',
    "response_format": '["json", []]',
    "metadata": '[1, [], {"a":1}]',
    "user": "[1, []]",
    "logit_bias": "[1, []]",
    "seed": '["1", 1.5]',
    "modalities": '["text", [1]]',
}  # fmt: skip


def with_field(name: str, value: object) -> bytes:
    body = json.loads(GOOD)
    body[name] = value
    return json.dumps(body).encode()


def judged(answer: Answer, name: object) -> None:
    """What every refusal looks like."""
    assert 400 <= answer.status < 500, (name, answer)
    assert set(answer.error) == ERROR_FIELDS, (name, answer)
    assert answer.error["message"]
    assert answer.error["code"]
    assert answer.error["reasons"]
    for stamp in STAMPS:
        assert stamp in answer.headers, (name, stamp)
    assert answer.headers["x-request-id"] == answer.error["request_id"]
    assert answer.headers["x-regogate-decision"] == "BLOCK"
    assert answer.headers["x-regogate-reasons"] == ",".join(answer.error["reasons"])
    assert MARK not in answer.body.decode()


def all_at_once(gateway: Gateway, requests: dict[str, bytes], *, end: bool = False) -> dict[str, Answer]:
    with ThreadPoolExecutor(12) as pool:
        found = pool.map(lambda data: send(gateway.port, data, end=end), requests.values())
        return dict(zip(requests, found, strict=True))


@pytest.fixture(autouse=True)
def _nothing_is_forwarded_and_nothing_breaks(edge: Gateway, upstream: MockUpstream) -> object:
    hits, already = len(upstream.hits), len(edge.logs)
    yield
    assert len(upstream.hits) == hits
    assert "unexpected error" not in edge.logs[already:]
    assert "Traceback" not in edge.logs[already:]


def counted(gateway: Gateway) -> int:
    """Refusals recorded, one by one or as counts."""
    return sum(record.get("count", 1) for record in gateway.records(kind="deny"))


def test_framing_that_is_in_doubt_is_refused_recorded_and_the_connection_closed(edge: Gateway) -> None:
    before = counted(edge)
    answers = all_at_once(edge, HEADS)
    for name, answer in answers.items():
        judged(answer, name)
        host = name.startswith("host ") or name == "empty host"
        assert answer.closed is not host, (name, "only framing in doubt costs the connection")
    assert {a.status for a in answers.values()} == {400, 413, 431}
    until(lambda: counted(edge) >= before + len(HEADS))


def test_a_path_that_two_parsers_could_read_differently_is_refused(edge: Gateway) -> None:
    requests = {path: chat(edge.key, GOOD, path=path) for path in PATHS}
    for path, answer in all_at_once(edge, requests).items():
        judged(answer, path)
        assert answer.status == 400, path


def test_paths_this_gateway_does_not_have_are_404_for_a_caller_and_401_for_a_stranger(edge: Gateway) -> None:
    for key, status in ((edge.key, 404), ("rgk_x", 401)):
        requests = {path: chat(key, GOOD, path=path) for path in REFUSED_PATHS}
        for path, answer in all_at_once(edge, requests).items():
            judged(answer, path)
            assert answer.status == status, path


def test_json_that_is_not_strict_is_refused_and_recorded_one_by_one(edge: Gateway) -> None:
    for name, answer in all_at_once(edge, {n: chat(edge.key, b) for n, b in BODIES.items()}).items():
        judged(answer, name)
        assert (answer.status, answer.closed) == (400, False), name
        record = edge.wait_record(request_id=answer.headers["x-request-id"])
        assert (record["kind"], record["client_id"], record["status"]) == ("deny", "demo", 400)


def test_fields_of_the_wrong_type_or_value_are_refused_by_name(edge: Gateway) -> None:
    requests = {
        f"{name}={json.dumps(value)}": chat(edge.key, with_field(name, value))
        for name, values in FIELDS.items()
        for value in json.loads(values)
    }
    for name, answer in all_at_once(edge, requests).items():
        judged(answer, name)
        assert answer.status == 400, name
        assert answer.error["param"].startswith(name.partition("=")[0]), (name, answer.error)


@pytest.mark.parametrize(
    "header",
    [
        "Content-Encoding: gzip",
        "Content-Encoding: br, gzip",
        "Content-Type: text/plain",
        "X-Api-Key: rgk_other",
        "Host: b",
    ],
)
def test_a_header_that_must_not_be_there_is_refused(edge: Gateway, header: str) -> None:
    answer = send(edge.port, chat(edge.key, GOOD, header))
    judged(answer, header)
    assert answer.status in (400, 401)


def test_strangers_get_401_alike(edge: Gateway) -> None:
    keys = ("", "rgk_", edge.key[:-1], edge.key + "x", edge.key.upper(), "sk-x", "é", " ")
    answers = all_at_once(edge, {key: chat(key, GOOD) for key in keys})
    for key, answer in answers.items():
        judged(answer, key)
    assert {(a.status, a.error["message"], a.error["code"]) for a in answers.values()} == {
        (401, answers["rgk_"].error["message"], "invalid_api_key")
    }
    assert all(a.headers["x-regogate-reasons"] == "gateway.unauthenticated" for a in answers.values())


def test_a_flood_of_strangers_is_recorded_by_counts_so_that_it_cannot_fill_the_disk(edge: Gateway) -> None:
    flood, before = 200, len(edge.records(kind="deny"))
    total = counted(edge)
    begun = time.monotonic()
    answers = all_at_once(edge, {str(n): chat("rgk_flood", GOOD) for n in range(flood)})
    assert {answer.status for answer in answers.values()} == {401}
    until(lambda: counted(edge) >= total + flood)
    # 10 a second for one source and one counting record a second, with a second's burst at both ends.
    assert len(edge.records(kind="deny")) - before <= 11 * (time.monotonic() - begun + 2)


def test_mutants_of_a_good_call_never_break_hang_or_get_through(edge: Gateway) -> None:
    base = chat("rgk_nobody", GOOD)
    requests = {}
    for seed in range(MUTANTS):
        rng = random.Random(seed)
        data = bytearray(base)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(data))
            match rng.randrange(4):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    del data[at : at + rng.randint(1, 8)]
                case 2:
                    data[at:at] = data[at : at + rng.randint(1, 24)]
                case _:
                    data[at:at] = rng.choice(
                        [b"\r\n", b"\n", b"\0", b"%2f", b":", b" ", b"\r\n\r\n", b"\xff"]
                    )
        requests[str(seed)] = bytes(data)
    silent = 0
    for name, answer in all_at_once(edge, requests, end=True).items():
        if answer.status == 0:
            silent += 1
            assert answer.closed, name
        else:
            judged(answer, name)
    assert silent < MUTANTS / 2
