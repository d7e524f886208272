"""What compose.yaml, its configs and the guide say, done: real servers and commands, outside containers."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
import redis
from deploy_outside import BIN, COMPOSE, ROOT, Outside, guide_steps, instructions, until
from deploy_stores import Postgres, start_valkey, valkey_healthy

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from e2e_upstream import MockUpstream, mock_upstream

PROVIDER_KEY = "sk-canary-provider-compose-3Kx8Qw2Zr7"
CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def provider() -> Iterator[MockUpstream]:
    with mock_upstream() as mock:
        yield mock


@pytest.fixture(scope="module")
def outside(opa_binary: Path, provider: MockUpstream) -> Iterator[Outside]:
    place = Path(tempfile.mkdtemp(prefix="rgc-", dir="/tmp"))
    one = Outside(place, opa=opa_binary, upstream=provider.url)
    yield one
    one.discard()
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.timeout(300)
def test_the_guide_s_steps_bring_up_what_the_compose_file_describes(
    outside: Outside, opa_binary: Path, provider: MockUpstream
) -> None:
    secrets, keys, start, after = guide_steps()

    # 1. What is made on the host.
    path = os.pathsep.join((str(BIN), str(opa_binary.parent), os.environ["PATH"]))
    environment = os.environ | {"PATH": path, "OPENAI_API_KEY": PROVIDER_KEY}
    for block in (secrets, keys):
        made = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=outside.site, env=environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
    folder = outside.site / "deploy/compose/secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.name for file in folder.iterdir()} == set(COMPOSE["secrets"])
    outside.mount()

    # 2. `up`: every service by its own command, in the order that depends_on asks for.
    lines = start.replace("\\\n", "").splitlines()
    assert lines[0] == "docker compose up --build --detach"
    Postgres(outside).start()
    start_valkey(outside)
    checked = outside.step(
        "docker compose exec gateway regogate check-config --config /etc/regogate/regogate.yaml"
    )
    assert checked.returncode == 0, checked.stderr
    assert not outside.healthy("gateway")
    gateway = outside.start("gateway")
    assert not outside.healthy("opa")
    outside.start("opa")

    # 3. Publish and make a key, as the guide does; then all are healthy.
    publish, create = lines[1:]
    published = outside.step(publish)
    assert published.returncode == 0, published.stderr
    until(lambda: outside.healthy("gateway"))
    assert outside.healthy("opa")
    assert valkey_healthy(outside)
    created = outside.step(create)
    assert created.returncode == 0, created.stderr
    found = re.search(r"\brg_\S+|\brgk_\S+|\b[A-Za-z0-9]+_[A-Za-z0-9_-]{30,}", created.stdout)
    assert found is not None, created.stdout
    key = found[0]

    # 4. A call, and what must be seen of it where.
    url = f"http://127.0.0.1:{outside.public}/v1/chat/completions"
    with httpx2.Client(timeout=20) as client:
        answer = client.post(url, json=CHAT, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.text
    assert provider.hits[-1].headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    for line in after.splitlines():
        done = outside.step(line)
        assert done.returncode == 0, done.stderr
    assert answer.headers["x-request-id"] in done.stdout
    with httpx2.Client(timeout=5) as client:
        told = client.get(f"http://127.0.0.1:{outside.admin}/readyz").json()
    assert [one["state"] for one in told["workers"]] == ["serving", "serving"]
    assert told["opa"] is None, "OPA runs beside the gateway"

    # 5. OPA goes and comes back: no call is let through meanwhile, and none needs help afterwards.
    sidecar = outside.started[-1]
    sidecar.kill()
    sidecar.wait(10)
    assert not outside.healthy("opa")
    with httpx2.Client(timeout=20) as client:
        refused = client.post(url, json=CHAT, headers={"Authorization": f"Bearer {key}"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "policy_unavailable")
    outside.start("opa")
    until(lambda: outside.healthy("opa") and outside.healthy("gateway"))

    # 6. Stop as Compose does: SIGTERM, within the grace period.
    gateway.send_signal(signal.SIGTERM)
    assert gateway.wait(30) == 0
    log = outside.log.read_text()
    secret = [file.read_text().strip() for file in folder.iterdir() if file.name != "valkey_users"]
    assert len(secret) == 5
    assert not any(value in log for value in (*secret, key))
    assert "Traceback" not in log


def test_valkey_lets_nobody_but_the_gateway_s_user_in(outside: Outside) -> None:
    def ask(*words: str, **who: Any) -> Any:
        with redis.Redis(port=outside.valkey, socket_timeout=5, **who) as client:
            return client.execute_command(*words)

    password = (outside.site / "deploy/compose/secrets/valkey_password").read_text().strip()
    assert ask("PING") is True
    for words in (("GET", "rg:x"), ("SET", "rg:x", "1"), ("CONFIG", "GET", "*"), ("INFO",)):
        with pytest.raises(redis.exceptions.NoPermissionError):
            ask(*words)
    mine = {"username": "regogate", "password": password}
    assert ask("SET", "rg:{t}:x", "1", **mine) is True
    for words in (("SET", "other", "1"), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("ACL", "LIST")):
        with pytest.raises(redis.exceptions.NoPermissionError):
            ask(*words, **mine)
    with pytest.raises(redis.exceptions.AuthenticationError):
        ask("PING", username="regogate", password="wrong")


def test_the_health_check_fails_for_what_is_not_there_or_not_well(outside: Outside, tmp_path: Path) -> None:
    script = ROOT / "deploy/compose/healthy.py"
    for target in ("http://127.0.0.1:1/readyz", f"unix:{tmp_path}/none.sock:/health"):
        done = subprocess.run([sys.executable, script, target], capture_output=True, text=True)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert target in done.stderr


@pytest.mark.timeout(300)
def test_the_image_s_build_steps_do_what_they_say(tmp_path: Path, opa_binary: Path) -> None:
    """Each RUN by the shell that the Dockerfile names, with the image's paths below a directory here.

    The dependencies are those of this environment, which is made from the same lock: pip is asked whether
    they are what it asks for, and installs the package itself from a copy of what is COPYed.
    """
    root, source = tmp_path / "root", tmp_path / "src"
    (root / "opt").mkdir(parents=True)
    source.mkdir()
    runs = [words for keyword, words in instructions() if keyword == "RUN"]
    shell = ["/bin/bash", "-o", "errexit", "-o", "pipefail", "-c"]
    assert ("SHELL", json.dumps(shell)) in instructions()
    for keyword, words in instructions():
        if keyword == "COPY" and not words.startswith("--from="):
            for name in words.split()[:-1]:
                target = source / name
                target.parent.mkdir(parents=True, exist_ok=True)
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / name, target)

    dependencies, package, folders = runs
    here = dependencies.replace(
        "python -m venv /opt/regogate", f"{sys.executable} -m venv {root}/opt/regogate"
    )
    here = here.replace(
        " && /opt/regogate/bin/python -m pip install", f" && {BIN}/python -m pip install --dry-run"
    )
    assert here.count(str(root)) == 1
    say = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    _run([*shell, here], source, say)

    here = package.replace("/opt/regogate", f"{root}/opt/regogate")
    # What the first step would have installed: this environment's packages, seen from the new one.
    sites = next((root / "opt/regogate/lib").glob("python*/site-packages"))
    (sites / "dependencies.pth").write_text(f"{Path(orjson.__file__).parents[1]}\n")
    _run([*shell, here], source, say)
    version = subprocess.run([root / "opt/regogate/bin/opa", "version"], capture_output=True, text=True)
    assert version.stdout.startswith("Version: ")
    installed = sites / "dataplane/_shipped"
    assert {path.name for path in installed.iterdir()} == {"policies", "migrations", "opa", ".regal"}

    here = re.sub(
        r"--(owner|group)=\d+",
        lambda m: f"--{m[1]}={os.getuid() if m[1] == 'owner' else os.getgid()}",
        folders,
    )
    here = re.sub(r" (/(?:etc|var|run)/)", lambda m: f" {root}{m[1]}", here)
    _run([*shell, here], source, {})
    for name in ("etc/regogate", "var/lib/regogate", "var/lib/opa", "run/opa"):
        assert (root / name).stat().st_mode & 0o777 == 0o700


def _run(words: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        words, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
