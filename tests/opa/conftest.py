from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dataplane.opa.install import ensure_opa


@pytest.fixture(scope="session")
def opa_binary() -> Path:
    configured = os.environ.get("REGOGATE_OPA")
    return ensure_opa(Path(configured) if configured else None, None, print)


@pytest.fixture(scope="session")
def public_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A directory whose path leaves room for a unix socket, unlike pytest's own."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="rg-") as name:
        yield Path(name)
