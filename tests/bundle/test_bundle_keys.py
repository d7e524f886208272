"""Private keys are 0600, made once, and never where a public key belongs."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dataplane.bundle.errors import KeyRefused
from dataplane.bundle.keys import (
    ensure_dev_keys,
    keygen,
    load_public_key,
    load_signing_key,
    public_key,
)


def pem(key: object, password: bytes | None = None) -> bytes:
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how
    )


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    pair = keygen(tmp_path)
    before = pair.private.read_bytes()
    with pytest.raises(KeyRefused, match="never overwritten"):
        keygen(tmp_path)
    pair.public.unlink()
    with pytest.raises(KeyRefused, match="never overwritten"):
        keygen(tmp_path)
    assert pair.private.read_bytes() == before
    assert not pair.public.exists()


def test_a_link_in_the_place_of_a_key_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "bundle.key.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyRefused):
        keygen(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_pair_has_tight_modes_and_a_derived_id(tmp_path: Path) -> None:
    pair = keygen(tmp_path / "keys")
    assert stat.S_IMODE(pair.private.stat().st_mode) == 0o600
    assert pair.private.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert load_signing_key(pair.private).keyid == pair.keyid
    assert load_public_key(pair.public) == (pair.keyid, pair.public.read_text())
    assert len(pair.keyid) == 16
    assert keygen(tmp_path, keyid="k2026").keyid == "k2026"


@pytest.mark.parametrize("keyid", ["", "a b", "../k", "k\n", "é", "k" * 65])
def test_a_key_id_is_a_plain_word(tmp_path: Path, keyid: str) -> None:
    pair = keygen(tmp_path)
    if keyid:
        with pytest.raises(KeyRefused):
            load_signing_key(pair.private, keyid=keyid)


def test_a_private_key_open_to_all_is_not_used(tmp_path: Path) -> None:
    pair = keygen(tmp_path)
    pair.private.chmod(0o644)
    with pytest.raises(KeyRefused, match="chmod 600"):
        load_signing_key(pair.private)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(rsa.generate_private_key(65537, 2048)),
        pem(ec.generate_private_key(ec.SECP256R1()), b"password"),
    ],
    ids=["empty", "nonsense", "p384", "rsa", "password"],
)
def test_only_a_p256_key_without_password_signs(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "k.pem"
    path.touch(mode=0o600)
    path.write_bytes(data)
    with pytest.raises(KeyRefused) as caught:
        load_signing_key(path)
    assert "PRIVATE" not in str(caught.value)


def test_a_private_key_is_refused_where_a_public_one_belongs(tmp_path: Path) -> None:
    """OPA would verify with it, and it would lie in a configuration."""
    pair = keygen(tmp_path)
    with pytest.raises(KeyRefused, match="private key"):
        public_key(pair.private.read_text())
    both = pair.public.read_text() + pair.private.read_text()
    with pytest.raises(KeyRefused):
        public_key(both)
    for text in ("", "x", pair.public.read_text() * 2):
        with pytest.raises(KeyRefused):
            public_key(text)


def test_the_dev_pair_is_made_once_and_mended(tmp_path: Path) -> None:
    first = ensure_dev_keys(tmp_path)
    assert stat.S_IMODE(first.private.stat().st_mode) == 0o600
    private, public = first.private.read_bytes(), first.public.read_text()
    assert ensure_dev_keys(tmp_path) == first
    first.public.unlink()
    ensure_dev_keys(tmp_path)
    assert (first.private.read_bytes(), first.public.read_text()) == (private, public)
    first.private.unlink()
    ensure_dev_keys(tmp_path)
    assert first.private.read_bytes() != private
    assert first.public.read_text() != public
