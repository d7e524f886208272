"""OPA's own signature scheme: one ES256 token in `.signatures.json` over the digest of every file.

The token is made here rather than by `opa sign`, so that key material is never in a process argument or
a second file, and the content stays byte for byte what was built. OPA verifies it (tested).
"""

from __future__ import annotations

import json
from typing import Final

import jwt

from dataplane.bundle.archive import MANIFEST, SIGNATURES, member, pack
from dataplane.bundle.digests import file_digest
from dataplane.bundle.keys import SigningKey
from dataplane.bundle.model import Bundle, of_manifest, open_archive, read_manifest

ALGORITHM: Final = "ES256"
HASH: Final = "SHA-256"


def sign(bundle: Bundle, key: SigningKey) -> Bundle:
    """The same bundle with a signature by this key, for the channel it was built for.

    An older signature is replaced. The scope of the token is the channel; the key id stands in its
    header (`kid`) and, for OPA configurations without a fixed key, in its claims (`keyid`).
    Raises `BundleRefused` where the bundle is not one of ours.
    """
    members = open_archive(bundle.content)
    manifest = read_manifest(members)
    members.pop(SIGNATURES, None)
    files = [
        {"name": one.name, "hash": file_digest(one.name, one.data), "algorithm": HASH}
        for one in members.values()
    ]
    token = jwt.encode(
        {"files": files, "keyid": key.keyid, "scope": manifest.channel},
        key.key,
        algorithm=ALGORITHM,
        headers={"kid": key.keyid},
    )
    signatures = member(SIGNATURES, json.dumps({"signatures": [token]}).encode())
    last = members.pop(MANIFEST)
    content = pack([*members.values(), signatures, last])
    return of_manifest(manifest, content, key.keyid)
