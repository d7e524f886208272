"""`regogate serve` from a configuration file: keys, a signed bundle, TLS with HTTP/2, and its stop."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from e2e_gateway import POLICIES, PROVIDER_KEY, REGOGATE, alive, environment, opa_children, spare_dir
from e2e_upstream import MockUpstream, until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "server"))
from server_certs import Authority

CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


class Deployment:
    """A directory with regogate.yaml, keys, certificates and a secret, and the commands on it."""

    def __init__(self, place: Path, opa: Path, upstream: MockUpstream) -> None:
        self.place = place
        self.file = place / "regogate.yaml"
        self.ca = Authority(place, "ca")
        certificate = self.ca.issue("server")
        self.port, self.admin = free_port(), free_port()
        (place / "provider.key").write_text(PROVIDER_KEY)
        (place / "provider.key").chmod(0o600)
        self.opa = opa
        self.settings: dict[str, Any] = {
            "server": {
                "bind": f"127.0.0.1:{self.port}",
                "tls": {"cert": str(certificate.cert), "key": str(certificate.key)},
            },
            "admin": {"bind": f"127.0.0.1:{self.admin}"},
            "policy": {
                "opa": {"path": str(opa)},
                "bundle": {"channel": "prod", "keys": {"prod-1": "keys/prod.pub.pem"}},
                "deadline_ms": 2000,
            },
            "audit": {"database": "sqlite:///records.db"},
            "upstreams": {"main": {"base_url": upstream.url, "key": {"file": "provider.key"}}},
            "data_dir": "data",
        }
        self.write(self.settings)

    def write(self, settings: dict[str, Any]) -> None:
        self.file.write_text(yaml.safe_dump(settings))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [REGOGATE, *words], cwd=self.place, env=environment(), capture_output=True, text=True, timeout=60
        )

    def must(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def publish(self, policies: Path) -> None:
        self.must(
            "bundle", "build", "--policies", str(policies), "--channel", "prod", "-o", "prod.tar.gz",
            "--key", "keys/prod.key.pem", "--keyid", "prod-1", "--config", "regogate.yaml",
            "--opa", str(self.opa),
        )  # fmt: skip
        self.must("bundle", "publish", "prod.tar.gz", "--config", "regogate.yaml")


@pytest.fixture
def deployment(opa_binary: Path, upstream: MockUpstream) -> Iterator[Deployment]:
    place = spare_dir()
    yield Deployment(place, opa_binary, upstream)
    shutil.rmtree(place, ignore_errors=True)


def ready(deployment: Deployment) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{deployment.admin}/readyz", timeout=2) as answer:
            found = json.load(answer)
    except OSError:
        return {}
    assert isinstance(found, dict)
    return found


def test_a_deployment_serves_over_tls_takes_a_new_bundle_at_once_and_drains_on_sigterm(
    deployment: Deployment, upstream: MockUpstream
) -> None:
    place = deployment.place
    policies = place / "policies"
    shutil.copytree(POLICIES, policies)
    (policies / "data/clients.yaml").write_text("app: {tier: premium}\n")

    # Without keys nothing could be verified, so it refuses to start.
    refused = deployment.run("serve", "--config", "regogate.yaml")
    assert refused.returncode == 1
    assert "keys/prod.pub.pem" in refused.stderr
    assert "Traceback" not in refused.stderr
    deployment.write(deployment.settings | {"policy": {"opa": {"path": str(deployment.opa)}}})
    refused = deployment.run("serve", "--config", "regogate.yaml")
    assert refused.returncode == 1
    assert "keys" in refused.stderr
    deployment.write(deployment.settings)

    deployment.must("bundle", "keygen", "--out", "keys", "--name", "prod", "--keyid", "prod-1")
    assert (place / "keys/prod.key.pem").stat().st_mode & 0o777 == 0o600
    deployment.must("check-config", "--config", "regogate.yaml")
    with (place / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [REGOGATE, "serve", "--config", "regogate.yaml"],
            cwd=place, env=environment(), stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        until(lambda: opa_children(process.pid))
        assert ready(deployment) == {}, "no signed bundle is active yet"
        deployment.publish(policies)
        until(lambda: ready(deployment).get("ready"))
        key = json.loads(
            deployment.must("keys", "create", "--client", "app", "--config", "regogate.yaml", "--json")
        )["key"]
        context = ssl.create_default_context(cafile=deployment.ca.cert)
        base, headers = f"https://127.0.0.1:{deployment.port}/v1", {"Authorization": f"Bearer {key}"}
        for http2 in (False, True):
            with httpx2.Client(verify=context, http2=http2, headers=headers, timeout=20) as client:
                answer = client.post(f"{base}/chat/completions", json=CHAT)
                assert answer.status_code == 200
                assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
                with client.stream(
                    "POST", f"{base}/chat/completions", json=CHAT | {"stream": True}
                ) as stream:
                    assert stream.read().endswith(b"data: [DONE]\n\n")
                refused_call = client.post(f"{base}/chat/completions", content=b"{")
                assert refused_call.status_code == 400
                assert refused_call.json()["error"]["request_id"] == refused_call.headers["x-request-id"]
        before = ready(deployment)["policy_revision"]
        (policies / "data/clients.yaml").write_text("app: {tier: premium, enabled: false}\n")
        deployment.publish(policies)
        until(lambda: ready(deployment)["policy_revision"] != before)
        with httpx2.Client(verify=context, headers=headers, timeout=20) as client:
            blocked = client.post(f"{base}/chat/completions", json=CHAT)
            assert (blocked.status_code, blocked.json()["error"]["reasons"]) == (
                403,
                ["request.client.disabled"],
            )

        opas = opa_children(process.pid)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, (place / "serve.log").read_text()
        assert time.monotonic() - begun < 5
        until(lambda: not any(alive(pid) for pid in opas), 5)
        told = [
            json.loads(line)
            for line in deployment.must(
                "audit", "tail", "--limit", "0", "--json", "--config", "regogate.yaml"
            ).splitlines()
        ]
        assert told[0]["kind"] == "hello"
        assert told[-1]["kind"] == "bye"
        kinds = [record["kind"] for record in told if record["client_id"] == "app"]
        assert kinds.count("intent") == kinds.count("completion") == 4
        log_text = (place / "serve.log").read_text()
        assert "Traceback" not in log_text
        assert key not in log_text
        assert PROVIDER_KEY not in log_text
        for line in log_text.splitlines():
            json.loads(line)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
