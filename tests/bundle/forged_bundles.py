"""Signed bundles changed in every way that must be refused, with the step that refuses each."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable

import jwt

from dataplane.bundle.archive import Member, member, pack, tar, unpack
from dataplane.bundle.build import restamp
from dataplane.bundle.digests import file_digest
from dataplane.bundle.keys import SigningKey
from dataplane.bundle.model import Bundle
from dataplane.bundle.sign import sign

Members = dict[str, Member]


def gz(data: bytes) -> bytes:
    press = zlib.compressobj(9, zlib.DEFLATED, 31)
    return press.compress(data) + press.flush()


def opened(bundle: Bundle) -> Members:
    return {one.name: one for one in unpack(bundle.content)}


def packed(members: Members) -> bytes:
    return pack(members.values())


def put(members: Members, name: str, data: bytes) -> Members:
    return {**members, name: member(name, data)}


def token_of(members: Members) -> str:
    return json.loads(members[".signatures.json"].data)["signatures"][0]


def with_token(members: Members, token: str, **more: object) -> Members:
    return put(members, ".signatures.json", json.dumps({"signatures": [token], **more}).encode())


def resigned(
    members: Members,
    key: SigningKey,
    *,
    scope: str | None = "prod",
    kid: str | None = None,
    algorithm: str = "ES256",
    secret: object = None,
    **claims: object,
) -> bytes:
    """Signed by the honest key over whatever is there: what a careless or bribed signer would make."""
    files = [
        {"name": one.name, "hash": file_digest(one.name, one.data), "algorithm": "SHA-256"}
        for one in members.values()
        if one.name != ".signatures.json"
    ]
    body = {"files": files, "keyid": key.keyid, "scope": scope, **claims}
    body = {name: value for name, value in body.items() if value is not None}
    token = jwt.encode(
        body, secret or key.key, algorithm=algorithm, headers={"kid": kid if kid is not None else key.keyid}
    )
    return packed(with_token(members, token))


def with_manifest(members: Members, **changes: object) -> Members:
    found = json.loads(members[".manifest"].data)
    return put(members, ".manifest", json.dumps({**found, **changes}).encode())


def with_metadata(members: Members, **changes: object) -> Members:
    found = json.loads(members[".manifest"].data)["metadata"]
    return with_manifest(members, metadata={**found, **changes})


def flip(data: bytes, find: bytes, replace: bytes) -> bytes:
    assert find in data
    assert len(find) == len(replace)
    return data.replace(find, replace)


def tampered_rego(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    members = opened(signed)
    rego = members["regogate/request/decision.rego"].data
    return packed(put(members, "regogate/request/decision.rego", flip(rego, b'"BLOCK"', b'"ALLOW"')))


def tampered_data(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    members = opened(signed)
    return packed(put(members, "data.json", flip(members["data.json"].data, b"false", b"true ")))


def tampered_manifest(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    return packed(with_metadata(opened(signed), seq=99))


def unsigned_again(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    members = opened(signed)
    del members[".signatures.json"]
    return packed(members)


def wrong_key(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    return sign(signed, other).content


def wrong_scope(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    return resigned(opened(signed), key, scope="staging")


def no_scope(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    return resigned(opened(signed), key, scope=None)


def other_channel(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    return sign(restamp(signed, seq=8, channel="dev"), key).content


def extra_file(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    return packed(put(opened(signed), "regogate/evil.rego", b"package regogate.evil\n"))


def removed_file(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    members = opened(signed)
    del members["regogate/request/decision.rego"]
    return packed(members)


def cut_short(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    return signed.content[: len(signed.content) // 2]


def not_gzip(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    return tar(opened(signed).values())


def algorithm_none(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    members = opened(signed)
    _, claims, signature = token_of(members).split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k2026"}').rstrip(b"=").decode()
    return packed(with_token(members, f"{head}.{claims}.{signature}"))


def public_key_as_hmac_secret(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    members = opened(signed)
    _, claims, _ = token_of(members).split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"k2026"}').rstrip(b"=").decode()
    secret = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    mac = secret.sign(f"{head}.{claims}".encode(), key.public_pem().encode())
    return packed(
        with_token(members, f"{head}.{claims}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")
    )


def two_tokens(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    members = opened(signed)
    text = json.dumps({"signatures": [token_of(members)] * 2})
    return packed(put(members, ".signatures.json", text.encode()))


def foreign_plugin(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    members = opened(signed)
    return packed(with_token(members, token_of(members), plugin="evil"))


def signature_of_another_bundle(signed: Bundle, key: SigningKey, other: SigningKey) -> bytes:
    members = opened(signed)
    newer = opened(sign(restamp(signed, seq=8, channel="prod"), key))
    return packed({**members, ".signatures.json": newer[".signatures.json"]})


Forge = Callable[[Bundle, SigningKey, SigningKey], bytes]

REFUSED_BY_BOTH: list[tuple[Forge, int]] = [
    (tampered_rego, 6),
    (tampered_data, 6),
    (tampered_manifest, 6),
    (unsigned_again, 2),
    (wrong_key, 4),
    (wrong_scope, 5),
    (no_scope, 5),
    (other_channel, 5),
    (extra_file, 6),
    (removed_file, 6),
    (cut_short, 1),
    (not_gzip, 1),
    (algorithm_none, 4),
    (public_key_as_hmac_secret, 4),
    (two_tokens, 2),
    (foreign_plugin, 2),
    (signature_of_another_bundle, 6),
]
