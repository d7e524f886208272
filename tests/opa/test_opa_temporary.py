"""An OPA for one command: its own, with its bundle, gone afterwards whatever happened."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from pathlib import Path

import pytest

from dataplane.opa.errors import OpaError, OpaNotListening
from dataplane.opa.temporary import TemporaryOpa, new_mark


@pytest.fixture(scope="module")
def bundle(opa_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("temporary")
    (place / "regogate").mkdir()
    (place / "regogate" / "x.rego").write_text("package regogate\n\nanswer := 42\n")
    (place / ".manifest").write_text('{"roots": ["regogate"]}')
    subprocess.run([opa_binary, "build", "-b", ".", "-o", "b.tar.gz"], cwd=place, check=True)
    return place / "b.tar.gz"


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def answer(url: str) -> object:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        f"{url}/v1/data/regogate/answer"
    ) as found:
        return json.load(found)["result"]


def test_a_binary_that_cannot_be_run_is_an_error(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(OpaError), TemporaryOpa(tmp_path / "none", bundle):
        pass


def test_a_bundle_that_cannot_be_loaded_is_told_in_opas_words(opa_binary: Path, tmp_path: Path) -> None:
    broken = tmp_path / "b.tar.gz"
    broken.write_bytes(b"no bundle")
    opa = TemporaryOpa(opa_binary, broken)
    with pytest.raises(OpaNotListening, match="bundle read failed"), opa:
        pass
    assert opa.pid is None


def test_it_answers_with_its_bundle_and_is_gone_afterwards(opa_binary: Path, bundle: Path) -> None:
    with TemporaryOpa(opa_binary, bundle) as opa:
        pid = opa.pid
        assert pid is not None
        assert opa.url.startswith("http://127.0.0.1:")
        assert answer(opa.url) == 42
    assert gone(pid)
    assert opa.pid is None


def test_two_at_once_do_not_meet(opa_binary: Path, bundle: Path) -> None:
    with TemporaryOpa(opa_binary, bundle) as one, TemporaryOpa(opa_binary, bundle) as other:
        assert one.url != other.url
        assert answer(one.url) == answer(other.url) == 42


def test_it_is_gone_when_the_block_fails(opa_binary: Path, bundle: Path) -> None:
    pids = []

    def fail() -> None:
        with TemporaryOpa(opa_binary, bundle) as opa:
            pids.append(opa.pid)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert gone(pids[0] or 0)


def test_it_sees_nothing_of_our_environment_but_what_it_needs(
    opa_binary: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDER_KEY", "sk-secret")
    with TemporaryOpa(opa_binary, bundle) as opa:
        environment = Path(f"/proc/{opa.pid}/environ")
        if not environment.exists():
            pytest.skip("no /proc here")
        assert b"sk-secret" not in environment.read_bytes()


def test_a_mark_is_no_number_to_opa() -> None:
    for _ in range(200):
        with pytest.raises(ValueError, match="could not convert"):
            float(new_mark())
