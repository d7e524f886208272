"""Whether a bundle may be believed: what OPA checks, and what OPA does not.

The procedure, in order; the first step that fails refuses the bundle and gives its number:

1. The bytes are one bounded gzip stream of one bounded tar in the form `opa build` writes (`archive`).
2. `.signatures.json` holds exactly one compact token, and no plug-in.
3. The token names one key by id (header `kid`, claim `keyid`, or both alike), and that id is listed.
4. The signature is ES256 by that key. The token does not choose the algorithm.
5. Its scope is the channel.
6. It lists the digest of every file, by OPA's rule, and of no other.
7. The manifest is ours: roots exactly `["regogate"]`, Rego version 1, a known decision contract, the
   metadata `{seq, commit, schema, channel}`, and its channel is the channel.
8. The revision is the one that the sequence, the commit and the digest of the content give.

OPA checks the signature, the scope and the digests. It does not check that the roots stay within our
own, that the revision is true, or that the sequence goes up: the last is up to whoever remembers it.
"""

from __future__ import annotations

import hmac
import re
from typing import Any, Final

import jwt

from dataplane.bundle.archive import DATA, SIGNATURES, Member
from dataplane.bundle.digests import NotStrictJSON, file_digest, strict_json
from dataplane.bundle.errors import BundleRefused, KeyRefused
from dataplane.bundle.keys import PublicKeys, public_key
from dataplane.bundle.model import ROOT, Bundle, of_manifest, open_archive, read_manifest
from dataplane.bundle.sign import ALGORITHM, HASH
from dataplane.bundle.tables import PREPARED

MAX_TOKEN_BYTES: Final = 4 * 2**20
"""A token lists about 150 bytes for each of at most `archive.MAX_MEMBERS` files."""

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_PLUGINS: Final[tuple[dict[str, str], ...]] = ({}, {"plugin": "_default"})
"""Nothing, or what `opa build --signing-key` writes: the name OPA reserves for its own scheme."""
_HASH: Final = re.compile(r"[0-9a-f]{64}")


def verify(content: bytes, *, keys: PublicKeys, channel: str) -> Bundle:
    """The bundle, once all eight steps hold. Raises `BundleRefused` with the step and the reason."""
    members = open_archive(content)
    token = _token(members)
    keyid = _keyid(token)
    claims = _claims(token, keyid, keys)
    if claims.get("scope") != channel:
        raise BundleRefused(5, f"it was not signed for the channel {channel}")
    _check_files(claims.get("files"), members)
    manifest = read_manifest(members)
    if manifest.channel != channel:
        raise BundleRefused(7, f"its manifest is not of the channel {channel}")
    return of_manifest(manifest, content, keyid)


def inspect(content: bytes) -> Bundle:
    """What a bundle says of itself (steps 1, 7 and 8). Proves nothing about who made it.

    `keyid` is what its token claims, None where it is unsigned. Raises `BundleRefused`.
    """
    members = open_archive(content)
    keyid = _keyid(_token(members)) if SIGNATURES in members else None
    return of_manifest(read_manifest(members), content, keyid)


def tables(bundle: Bundle) -> dict[str, Any]:
    """The tables of a bundle that was verified, by name: the same values that OPA decides on. What was worked
    out from them when it was built is no table.

    Raises `BundleRefused` where its data is not an object under the one root.
    """
    members = open_archive(bundle.content)
    try:
        found = strict_json(members[DATA].data) if DATA in members else {}
    except NotStrictJSON as error:
        raise BundleRefused(6, f"{DATA}: {error}") from error
    rows = found.get(ROOT, {}) if isinstance(found, dict) else None
    if not isinstance(rows, dict):
        raise BundleRefused(7, f"{DATA} is not an object under {ROOT}")
    return {name: rows for name, rows in rows.items() if name != PREPARED}


def _token(members: dict[str, Member]) -> str:
    if SIGNATURES not in members:
        raise BundleRefused(2, "it is not signed")
    data = members[SIGNATURES].data
    if len(data) > MAX_TOKEN_BYTES:
        raise BundleRefused(2, f"{SIGNATURES} is larger than {MAX_TOKEN_BYTES} bytes")
    try:
        found = strict_json(data)
    except NotStrictJSON as error:
        raise BundleRefused(2, f"{SIGNATURES}: {error}") from error
    match found:
        case {"signatures": [str(token)], **rest} if rest in _PLUGINS and _COMPACT.fullmatch(token):
            return token
        case _:
            raise BundleRefused(2, f"{SIGNATURES} does not hold exactly one token")


def _keyid(token: str) -> str:
    """The key the token asks for: `kid` of its header or `keyid` of its claims (`opa sign` writes only
    the latter), the same where it has both."""
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise BundleRefused(3, "the token is not readable") from error
    named = [part[name] for part, name in ((header, "kid"), (claims, "keyid")) if name in part]
    match named:
        case [str(keyid), *rest] if keyid and all(other == keyid for other in rest):
            return keyid
        case _:
            raise BundleRefused(3, "the token names no key, or header and claims name different ones")


def _claims(token: str, keyid: str, keys: PublicKeys) -> dict[str, Any]:
    if keyid not in keys:
        raise BundleRefused(3, f"the key {keyid[:64]!r} is not listed")
    try:
        key = public_key(keys[keyid])
    except KeyRefused as error:
        raise BundleRefused(3, f"the listed key {keyid!r}: {error}") from error
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            # OPA knows no time, audience or issuer of a bundle; the sequence is what ages it
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "verify_iss": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except jwt.InvalidTokenError as error:
        raise BundleRefused(4, f"the signature is not a valid {ALGORITHM} one of key {keyid}") from error
    return claims


def _check_files(listed: Any, members: dict[str, Member]) -> None:
    wanted: dict[str, str] = {}
    for entry in listed if isinstance(listed, list) else [None]:
        match entry:
            case {"name": str(name), "hash": str(digest), "algorithm": "SHA-256", **rest} if (
                not rest and name not in wanted and _HASH.fullmatch(digest)
            ):
                wanted[name] = digest
            case _:
                raise BundleRefused(6, f"the token's list of files is not one of names and {HASH} digests")
    present = {name: one for name, one in members.items() if name != SIGNATURES}
    if extra := sorted(present.keys() - wanted.keys()):
        raise BundleRefused(6, f"the file {extra[0]} is not in the signature")
    if missing := sorted(wanted.keys() - present.keys()):
        raise BundleRefused(6, f"the file {missing[0][:200]} of the signature is missing")
    for name, one in present.items():
        try:
            digest = file_digest(name, one.data)
        except NotStrictJSON as error:
            raise BundleRefused(6, f"{name}: {error}") from error
        if not hmac.compare_digest(digest, wanted[name]):
            raise BundleRefused(6, f"the file {name} is not the one that was signed")
