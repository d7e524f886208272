"""An identity provider of a test's own: keys, tokens, endpoints that count what they are asked."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from dataplane.config import JwtIssuer
from dataplane.domain import Identity, Source
from dataplane.errors import Refused
from dataplane.identity.jwt import JwtAuthenticator
from dataplane.identity.jwt_keys import ALGORITHMS
from tests.identity.caller_kit import bearer

ISSUER = "https://idp.example/realm"
AUDIENCE = "regogate"
NOW = 1_790_000_000.0
SOURCE = Source(ip="203.0.113.7")


def b64(data: bytes | dict[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@cache
def private_key(name: str) -> Any:
    """A key pair by any name that begins with its kind: rsa, rsa1024, p256, p384, p521, ed25519, ed448."""
    match name.partition("-")[0]:
        case "rsa":
            return rsa.generate_private_key(65537, 2048)
        case "rsa1024":
            return rsa.generate_private_key(65537, 1024)
        case "p256":
            return ec.generate_private_key(ec.SECP256R1())
        case "p384":
            return ec.generate_private_key(ec.SECP384R1())
        case "p521":
            return ec.generate_private_key(ec.SECP521R1())
        case "ed25519":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return ed448.Ed448PrivateKey.generate()


def jwk(name: str, **changes: Any) -> dict[str, Any]:
    """The public half as a JWK whose id is its name; a change to None takes a member away."""
    public = private_key(name).public_key()
    kinds = {"r": RSAAlgorithm, "p": ECAlgorithm, "e": OKPAlgorithm}
    members = kinds[name[0]].to_jwk(public, as_dict=True) | {"kid": name, "use": "sig"} | changes
    members.pop("key_ops", None) if "key_ops" not in changes else None
    return {key: value for key, value in members.items() if value is not None}


def jwks(*names: str | dict[str, Any]) -> bytes:
    return json.dumps({"keys": [jwk(one) if isinstance(one, str) else one for one in names]}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """Those of a good token; a change to None takes a claim away."""
    made = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "u-17",
        "client_id": "support",
        "iat": int(NOW) - 10,
        "exp": int(NOW) + 300,
        "jti": "t-1",
        "scope": "llm:access other",
        **changes,
    }
    return {key: value for key, value in made.items() if value is not None}


def sign(payload: dict[str, Any] | bytes, key: str = "rsa-1", *, alg: str = "RS256", **header: Any) -> str:
    """A compact JWS by a named key; header members with None are left out."""
    head = {"alg": alg, "typ": "at+jwt", "kid": key} | header
    text = f"{b64({k: v for k, v in head.items() if v is not None})}.{b64(payload)}"
    return f"{text}.{b64(ALGORITHMS[alg].sign(text.encode(), private_key(key)))}"


def token(
    key: str = "rsa-1", *, alg: str = "RS256", header: dict[str, Any] | None = None, **changes: Any
) -> str:
    """A good token, but for the changes to its claims and header."""
    return sign(claims(**changes), key, alg=alg, **(header or {}))


class Clock:
    """Wall time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


async def outcome(
    authenticator: JwtAuthenticator, text: str, source: Source = SOURCE
) -> Identity | tuple[str, str | None]:
    """The identity, or reason and fault of the refusal."""
    try:
        identity = await authenticator.authenticate(bearer(text), source)
    except Refused as refused:
        return refused.reasons[0], refused.fault
    assert identity is not None
    return identity


def issuer(**changes: Any) -> JwtIssuer:
    settings = {"issuer": ISSUER, "audience": AUDIENCE, **changes}
    return JwtIssuer.model_validate(settings)


class Endpoint:
    """An HTTP server on loopback; `answers` maps a path to status, body and further headers;
    the next `drops` questions get none."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.asked: list[str] = []
        self.forms: list[tuple[str, str]] = []
        self.hold = threading.Event()
        self.hold.set()
        self.connections = 0
        self.drops = 0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                endpoint.connections += 1

            def do_GET(self) -> None:
                endpoint.asked.append(self.path)
                if endpoint.drops:
                    endpoint.drops -= 1
                    self.close_connection = True
                    return
                endpoint.hold.wait(10)
                status, body, headers = endpoint.answers.get(self.path, (404, b"{}", {}))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["content-length"])).decode()
                endpoint.forms.append((self.headers.get("authorization", ""), form))
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' * (tls is not None)}://127.0.0.1:{self._server.server_port}"

    def serve(self, path: str, body: bytes, status: int = 200, **headers: str) -> str:
        """What a path answers from now on; returns its URL."""
        self.answers[path] = (status, body, headers)
        return self.url + path

    @contextmanager
    def running(self) -> Iterator[Endpoint]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.hold.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join(5)


def until(holds: Any, seconds: float = 5.0) -> None:
    """Poll from a thread that may block."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.01)


KEYS = ("rsa-1", "p256-1", "p384-1", "p521-1", "ed25519-1", "ed448-1")
ALL = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
INVALID = "gateway.token_invalid"


@asynccontextmanager
async def running(path: Path, clock: Clock | None = None, **settings: Any) -> AsyncIterator[JwtAuthenticator]:
    file = path / "jwks.json"
    if not file.exists():
        file.write_bytes(jwks(*KEYS))
    made = issuer(**{"jwks_file": file, "algorithms": ALL} | settings)
    authenticator = JwtAuthenticator([made], clock=clock or Clock())
    try:
        await authenticator.start()
        yield authenticator
    finally:
        await authenticator.close()


def judged(
    path: Path, text: str, source: Source = SOURCE, **settings: Any
) -> Identity | tuple[str, str | None]:
    async def run() -> Identity | tuple[str, str | None]:
        async with running(path, **settings) as authenticator:
            return await outcome(authenticator, text, source)

    return asyncio.run(run())


def accepted(path: Path, text: str, source: Source = SOURCE, **settings: Any) -> Identity:
    found = judged(path, text, source, **settings)
    assert isinstance(found, Identity), found
    return found


def chain(links: int) -> dict[str, Any]:
    act: dict[str, Any] = {"sub": f"actor-{links}"}
    for number in range(links - 1, 0, -1):
        act = {"sub": f"actor-{number}", "act": act}
    return act
