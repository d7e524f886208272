"""Keys, bundles and the real OPA, made once for this room's tests."""

import json
import subprocess
from pathlib import Path

import pytest
from small_policy import run, write_policies

from dataplane.bundle.build import build
from dataplane.bundle.keys import KeyPair, keygen, load_signing_key
from dataplane.bundle.model import Bundle
from dataplane.bundle.sign import sign


@pytest.fixture(scope="session")
def opa(opa_binary: Path) -> Path:
    return opa_binary


@pytest.fixture(scope="session")
def capabilities(opa: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that this OPA can do but http.send."""
    text = subprocess.run([opa, "capabilities", "--current"], check=True, capture_output=True).stdout
    everything = json.loads(text)
    everything["builtins"] = [one for one in everything["builtins"] if one["name"] != "http.send"]
    path = tmp_path_factory.mktemp("capabilities") / "capabilities.json"
    path.write_text(json.dumps(everything))
    return path


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    return write_policies(tmp_path / "policies")


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return keygen(tmp_path_factory.mktemp("keys"), keyid="k2026")


@pytest.fixture(scope="session")
def keys(pair: KeyPair) -> dict[str, str]:
    return {pair.keyid: pair.public.read_text()}


@pytest.fixture(scope="session")
def unsigned(opa: Path, capabilities: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Sequence 7 of the small policy directory for channel prod."""
    policies = write_policies(tmp_path_factory.mktemp("built") / "policies")
    return run(build(policies, opa, capabilities, seq=7, channel="prod", commit="0" * 40))


@pytest.fixture(scope="session")
def signed(unsigned: Bundle, pair: KeyPair) -> Bundle:
    return sign(unsigned, load_signing_key(pair.private, keyid=pair.keyid))
