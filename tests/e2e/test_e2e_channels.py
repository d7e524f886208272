"""A policy change goes from a commit to a running gateway through channels, approvals and back again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e_gateway import POLICIES, PROVIDER_KEY, REGOGATE, environment, opa_children, spare_dir
from e2e_upstream import MockUpstream, until
from typer.testing import CliRunner, Result

from dataplane.bundle.keys import keygen
from dataplane.bundle.published import find
from dataplane.cli import app


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


class Shop:
    """A policy repository and, beside it, the deployment that follows its channel prod."""

    def __init__(self, place: Path, opa: Path, upstream: MockUpstream) -> None:
        self.place, self.opa = place, opa
        self.repo = place / "repo"
        self.admin = free_port()
        self.channels = self.repo / "bundles/channels"
        for folder in (self.channels, self.repo / "bundles/approvers", place / "live"):
            folder.mkdir(parents=True)
        for name in ("rego", "data", "schemas"):
            shutil.copytree(POLICIES / name, self.repo / "policies" / name)
        (self.repo / "policies/data/clients.yaml").write_text("app: {tier: premium}\n")
        for name, keyid in (("prod", "prod-1"), ("bob", "bob")):
            keygen(place / "keys", name=name, keyid=keyid)
        shutil.copy(place / "keys/bob.pub.pem", self.repo / "bundles/approvers/bob.pub.pem")
        (self.channels / "dev.yaml").write_text("channel: dev\n")
        (self.channels / "prod.yaml").write_text(
            "channel: prod\nafter: dev\napprovals: 1\n"
            "approvers:\n  - {name: Bob, email: bob@example.org, key: approvers/bob.pub.pem}\n"
        )
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Ada Lovelace")
        self.git("config", "user.email", "ada@example.org")
        self.commit("begin")
        (place / "provider.key").write_text(PROVIDER_KEY)
        (place / "provider.key").chmod(0o600)
        self.config = place / "regogate.yaml"
        self.config.write_text(
            yaml.safe_dump(
                {
                    "server": {"bind": "127.0.0.1:0"},
                    "admin": {"bind": f"127.0.0.1:{self.admin}"},
                    "policy": {
                        "opa": {"path": str(opa)},
                        "bundle": {"channel": "prod", "keys": {"prod-1": "keys/prod.pub.pem"}},
                        "deadline_ms": 2000,
                    },
                    "audit": {"database": "sqlite:///live/records.db"},
                    "upstreams": {"main": {"base_url": upstream.url, "key": {"file": "provider.key"}}},
                    "data_dir": "live/data",
                    "instance": "gw-1",
                }
            )
        )

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.repo, check=True, capture_output=True, text=True)
        return done.stdout

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def run(self, *words: str) -> Result:
        """A command, in this process: starting one takes longer than what it does."""
        with contextlib.chdir(self.repo):
            return CliRunner().invoke(app, list(words))

    def must(self, *words: str) -> str:
        done = self.run(*words)
        assert done.exit_code == 0, done.output
        return done.stdout

    def told(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.must(*words, "--json"))
        return found

    def into_prod(self) -> str:
        """From the last commit through the channels; its revision in prod."""
        self.must("bundle", "pin", "dev", "--opa", str(self.opa))
        return str(self.told("bundle", "promote", "dev", "prod")["revision"])

    def approve(self) -> None:
        self.must("bundle", "approve", "prod", "--key", str(self.place / "keys/bob.key.pem"))

    def build(self) -> None:
        key = ("--key", str(self.place / "keys/prod.key.pem"), "--keyid", "prod-1")
        self.must("bundle", "rebuild", "prod", "-o", "../prod.tar.gz", *key, "--opa", str(self.opa))

    def publish(self) -> Result:
        return self.run("bundle", "publish", "../prod.tar.gz", "--config", str(self.config))

    def ready(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/readyz", timeout=2) as answer:
                found: dict[str, Any] = json.load(answer)
        except OSError:
            return {}
        return found

    def status(self, *words: str) -> tuple[int, dict[str, Any]]:
        done = self.run("bundle", "status", "--config", str(self.config), "--json", *words)
        return done.exit_code, json.loads(done.stdout)


@pytest.fixture
def shop(opa_binary: Path, upstream: MockUpstream) -> Iterator[Shop]:
    place = spare_dir()
    made = Shop(place, opa_binary, upstream)
    log = (place / "serve.log").open("w")
    process = subprocess.Popen(
        [REGOGATE, "serve", "--config", str(made.config)],
        cwd=place,
        env=environment(),
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        until(lambda: opa_children(process.pid))
        yield made
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, (place / "serve.log").read_text()
    finally:
        log.close()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        shutil.rmtree(place, ignore_errors=True)


def test_a_change_reaches_a_running_gateway_only_when_approved_and_goes_back_in_one_command(
    shop: Shop,
) -> None:
    first = shop.into_prod()
    shop.build()
    refused = shop.publish()
    assert refused.exit_code == 1
    assert "has 0 of 1 approvals" in refused.stderr
    assert not shop.ready(), "nothing was published"

    shop.approve()
    assert shop.publish().exit_code == 0
    until(lambda: shop.ready().get("policy_revision") == first)
    code, found = shop.status("--check")
    assert (code, found["drift"]) == (0, False)
    (gateway,) = found["gateways"]
    assert (gateway["instance"], gateway["active"], gateway["state"]) == ("gw-1", first, "ready")

    # a change: blocked until it is approved, and seen as drift until it is published
    (shop.repo / "policies/data/clients.yaml").write_text("app: {tier: premium, enabled: false}\n")
    shop.commit("Disable app")
    second = shop.into_prod()
    shop.build()
    assert "for sequence 1, not 2: approve again" in shop.publish().stderr
    shop.approve()
    code, found = shop.status("--check")
    assert (code, found["drift"]) == (1, True)
    assert found["gateways"][0]["drift"] == f"behind the pinned {second}"
    assert shop.publish().exit_code == 0
    until(lambda: shop.ready()["policy_revision"] == second)

    # the same bundle again, and an older one, are refused; the gateway keeps what it has
    again = shop.publish()
    assert (again.exit_code, "sequence 2 is not above 2" in again.stderr) == (1, True)

    back = shop.told("bundle", "rollback", "prod")
    assert back["digest"][:12] == first.rsplit("-", 1)[1]
    assert back["seq"] == 3
    shop.build()
    shop.approve()
    assert shop.publish().exit_code == 0
    until(lambda: shop.ready()["policy_revision"] == back["revision"])
    assert shop.status("--check")[0] == 0

    rows = shop.told("bundle", "history", "prod")["history"]
    assert [row["revision"] for row in rows] == [back["revision"], second, first]
    store = shop.place / "live/data/bundles"
    assert all(find(store, revision) is not None for revision in (first, second, str(back["revision"])))
