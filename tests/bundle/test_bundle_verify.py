"""Hostile bundles are refused, with the step that did it; and real OPA agrees."""

import dataclasses
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from forged_bundles import (
    REFUSED_BY_BOTH,
    Forge,
    Members,
    gz,
    opened,
    put,
    resigned,
    token_of,
    with_manifest,
    with_metadata,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.bundle.archive import ArchiveRefused, member, pack, tar, unpack
from dataplane.bundle.digests import content_digest
from dataplane.bundle.errors import BundleRefused
from dataplane.bundle.keys import KeyPair, SigningKey, load_signing_key
from dataplane.bundle.model import Bundle, Manifest
from dataplane.bundle.sign import sign
from dataplane.bundle.verify import inspect, tables, verify


@pytest.fixture(scope="module")
def key(pair: KeyPair) -> SigningKey:
    return load_signing_key(pair.private, keyid=pair.keyid)


@pytest.fixture(scope="module")
def other_key() -> SigningKey:
    return SigningKey(keyid="k2026", key=ec.generate_private_key(ec.SECP256R1()))


def opa_takes(opa: Path, pair: KeyPair, content: bytes, place: Path) -> bool:
    """What OPA itself says of a bundle with the key `k2026` and the scope `prod`."""
    (place / "b.tar.gz").write_bytes(content)
    command = [opa, "build", "-b", "b.tar.gz", "-o", "out.tar.gz", "--verification-key", pair.public]
    command += ["--verification-key-id", pair.keyid, "--scope", "prod", "--signing-alg", "ES256"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    return done.returncode == 0


def stage(members: Members, place: Path) -> Path:
    """The files of a bundle in a folder, without the signature."""
    for one in members.values():
        if one.name != ".signatures.json":
            (place / one.name).parent.mkdir(parents=True, exist_ok=True)
            (place / one.name).write_bytes(one.data)
    return place


@pytest.mark.parametrize(("forge", "step"), REFUSED_BY_BOTH, ids=lambda one: getattr(one, "__name__", None))
def test_we_and_opa_refuse(
    forge: Forge,
    step: int,
    signed: Bundle,
    key: SigningKey,
    other_key: SigningKey,
    keys: dict[str, str],
    pair: KeyPair,
    opa: Path,
    tmp_path: Path,
) -> None:
    content = forge(signed, key, other_key)
    with pytest.raises(BundleRefused) as caught:
        verify(content, keys=keys, channel="prod")
    assert caught.value.step == step
    assert not opa_takes(opa, pair, content, tmp_path)


def test_we_and_opa_take_an_honest_bundle(
    signed: Bundle, keys: dict[str, str], pair: KeyPair, opa: Path, tmp_path: Path
) -> None:
    assert opa_takes(opa, pair, signed.content, tmp_path)
    assert verify(signed.content, keys=keys, channel="prod") == signed
    assert signed.keyid == "k2026"
    assert tables(signed)["tiers"]["default"]["price"] == 0.15


def test_a_bundle_that_opa_signed_is_taken(
    signed: Bundle, keys: dict[str, str], pair: KeyPair, opa: Path, tmp_path: Path
) -> None:
    """The scheme is OPA's, not ours: a site may sign with `opa build`."""
    (tmp_path / "claims.json").write_text('{"scope": "prod", "keyid": "k2026"}')
    command = [opa, "build", "-b", ".", "-o", tmp_path / "out.tar.gz", "--signing-alg", "ES256"]
    command += ["--signing-key", pair.private, "--claims-file", tmp_path / "claims.json"]
    subprocess.run(command, cwd=stage(opened(signed), tmp_path / "stage"), check=True, capture_output=True)
    content = (tmp_path / "out.tar.gz").read_bytes()
    assert dataclasses.replace(verify(content, keys=keys, channel="prod"), content=b"") == (
        dataclasses.replace(signed, content=b"")
    )


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (lambda m: with_manifest(m, roots=["regogate", "system/authz"]), 7),
        (lambda m: with_manifest(m, roots=[""]), 7),
        (lambda m: with_manifest(m, roots=["/regogate/"]), 7),
        (lambda m: with_manifest(m, rego_version=0), 7),
        (lambda m: with_manifest(m, rego_version=True), 7),
        (lambda m: with_manifest(m, file_rego_versions={"/regogate/*": 0}), 7),
        (lambda m: with_manifest(m, wasm=[]), 7),
        (lambda m: with_manifest(m, revision="8-g0000000-000000000000"), 8),
        (lambda m: with_metadata(m, seq=8), 8),
        (lambda m: with_metadata(m, seq="7"), 7),
        (lambda m: with_metadata(m, seq=True), 7),
        (lambda m: with_metadata(m, seq=0), 7),
        (lambda m: with_metadata(m, schema=2), 7),
        (lambda m: with_metadata(m, channel="dev"), 7),
        (lambda m: with_metadata(m, more=1), 7),
        (lambda m: put(m, ".manifest", b"[]"), 7),
        (lambda m: put(m, "regogate/evil.rego", b"package regogate.evil\n"), 8),
    ],
)
def test_an_honest_signature_over_a_bundle_that_is_not_ours_is_refused(
    change: Callable[[Members], Members], step: int, signed: Bundle, key: SigningKey, keys: dict[str, str]
) -> None:
    with pytest.raises(BundleRefused) as caught:
        verify(resigned(change(opened(signed)), key), keys=keys, channel="prod")
    assert caught.value.step == step


def test_the_key_is_the_listed_one_that_header_and_claims_name(
    signed: Bundle, key: SigningKey, keys: dict[str, str]
) -> None:
    members = opened(signed)
    for content in (
        resigned(members, key, kid="k2027"),
        resigned(members, key, kid=""),
        resigned(members, key, keyid="k2027"),
    ):
        with pytest.raises(BundleRefused) as caught:
            verify(content, keys=keys, channel="prod")
        assert caught.value.step == 3
    with pytest.raises(BundleRefused, match="not listed"):
        verify(signed.content, keys={}, channel="prod")


def test_either_of_two_listed_keys_may_sign(signed: Bundle, keys: dict[str, str]) -> None:
    """Rotation: the new key is listed beside the old one before it signs."""
    newer = SigningKey(keyid="k2027", key=ec.generate_private_key(ec.SECP256R1()))
    both = {**keys, "k2027": newer.public_pem()}
    assert verify(sign(signed, newer).content, keys=both, channel="prod").keyid == "k2027"
    assert verify(signed.content, keys=both, channel="prod").keyid == "k2026"


def test_a_duplicate_or_renamed_entry_of_the_signed_list_is_refused(
    signed: Bundle, key: SigningKey, keys: dict[str, str]
) -> None:
    members = opened(signed)
    claims = jwt.decode(token_of(members), options={"verify_signature": False})
    md5 = [{**claims["files"][0], "algorithm": "MD5"}, *claims["files"][1:]]
    for files in ([*claims["files"], claims["files"][0]], md5, {}, None, [None]):
        with pytest.raises(BundleRefused) as caught:
            verify(resigned(members, key, files=files), keys=keys, channel="prod")
        assert caught.value.step == 6


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_mutant_of_a_signed_bundle_is_taken_as_another_bundle(
    data: st.DataObject, signed: Bundle, keys: dict[str, str]
) -> None:
    """Bytes of the tar are changed, cut or doubled at random: refused, or the very same files."""
    raw = bytearray(tar(unpack(signed.content)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.sampled_from(["set", "cut", "double"])):
            case "set":
                raw[at] = data.draw(st.integers(0, 255))
            case "cut":
                del raw[at : at + 512]
            case _:
                raw[at:at] = raw[at : at + 512]
        raw = raw or bytearray(b"\0")
    try:
        taken = verify(gz(bytes(raw)), keys=keys, channel="prod")
    except BundleRefused:
        return
    assert (taken.digest, taken.revision) == (signed.digest, signed.revision)


@pytest.mark.parametrize(
    "value",
    [
        {"b": 1, "a": [True, False, None, 1.50, -0, 10**30, 1e-7]},
        {"<&>": '<&>\u2028\u2029\x7f\x00\x1f\b\f\n\r\t"\\/', "é": "\U0001f600"},
        {"\uffff": 1, "\U00010000": 2, "": {}, "e": []},
    ],
)
def test_structured_files_are_hashed_by_opas_rule(
    value: object, opa: Path, pair: KeyPair, key: SigningKey, tmp_path: Path
) -> None:
    """OPA takes our digest of values whose JSON text has many forms."""
    data = member("data.json", json.dumps({"regogate": value}, indent=1).encode())
    draft = Manifest(seq=1, commit="0" * 40, digest=content_digest([data]), channel="prod")
    bundle = inspect(pack([data, draft.member()]))
    assert opa_takes(opa, pair, sign(bundle, key).content, tmp_path)


def test_long_names_are_split_as_go_splits_them(
    opa: Path, pair: KeyPair, key: SigningKey, tmp_path: Path
) -> None:
    name = f"regogate/{'a' * 60}/{'b' * 60}.rego"
    files = [member("data.json", b"{}\n"), member(name, b"package regogate.a\n")]
    draft = Manifest(seq=1, commit="0" * 40, digest=content_digest(files), channel="prod")
    content = sign(inspect(pack([*files, draft.member()])), key).content
    assert opa_takes(opa, pair, content, tmp_path)
    place = stage({one.name: one for one in files}, tmp_path / "stage")
    subprocess.run([opa, "build", "-b", ".", "-o", tmp_path / "long.tar.gz"], cwd=place, check=True)
    theirs = unpack((tmp_path / "long.tar.gz").read_bytes())
    assert [one.block for one in theirs if one.name == name] == [files[1].block]
    with pytest.raises(ArchiveRefused):
        member(f"regogate/{'a' * 200}.rego", b"")


def test_the_private_key_shows_nowhere(key: SigningKey, signed: Bundle) -> None:
    assert "key=" not in repr(key)
    assert "content" not in repr(signed)
