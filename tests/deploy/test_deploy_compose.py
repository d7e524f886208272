"""compose.yaml and Dockerfile as they are written: schema, pins, and nothing a container does not need."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from deploy_outside import COMPOSE, ROOT, instructions

SERVICES: dict[str, Any] = COMPOSE["services"]
PINNED = re.compile(r"[a-z0-9./-]+:[a-z0-9][a-z0-9.-]*[0-9][a-z0-9.-]*@sha256:[0-9a-f]{64}")
"""A tag with a version in it, and the digest it had."""
OURS = "regogate:0.1.0"


def test_it_is_valid_by_the_schema_of_the_compose_specification() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text("utf-8"))
    validator = jsonschema.Draft7Validator(schema)
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []
    broken = COMPOSE | {"services": SERVICES | {"gateway": SERVICES["gateway"] | {"read_onyl": True}}}
    assert list(validator.iter_errors(broken)), "the schema does refuse what it does not know"


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_write_only_where_it_must_and_is_nobody(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", service["user"])
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode"} & set(service)
    assert all(":size=" in one or "size=" in one for one in service["tmpfs"])
    assert not any(volume.startswith((".", "/")) for volume in service["volumes"]), "named volumes only"


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_watched_and_started_again(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    health = service["healthcheck"]
    assert health["test"][0] == "CMD", "no shell"
    assert {"interval", "timeout", "start_period", "retries"} <= set(health)


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned_by_version_and_digest_or_built_here(name: str) -> None:
    image = SERVICES[name]["image"]
    assert image == OURS or PINNED.fullmatch(image)


def test_the_dockerfile_s_bases_are_pinned_too() -> None:
    bases = [words.split()[0] for keyword, words in instructions() if keyword == "FROM"]
    assert bases
    assert all(PINNED.fullmatch(base) for base in bases)
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert f'version = "{OURS.partition(":")[2]}"' in project


def test_secrets_are_files_and_never_environment() -> None:
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASS|SECRET|TOKEN|KEY", variable):
                assert variable.endswith("_FILE")
                assert value.startswith("/run/secrets/")
    words = json.dumps([service.get("command", []) for service in SERVICES.values()])
    assert not re.search(r"requirepass|password=", words, re.IGNORECASE)
    ignored = (ROOT / "deploy/compose/.gitignore").read_text("utf-8").splitlines()
    for entry in (*COMPOSE["secrets"].values(), COMPOSE["configs"]["bundle_key"]):
        assert f"{Path(entry['file']).parent.name}/" in ignored
    tracked = subprocess.run(
        ["git", "ls-files", "deploy/compose"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "secrets/" not in tracked
    assert "keys/" not in tracked


def test_only_the_gateway_is_published_and_on_loopback() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "gateway": ["127.0.0.1:8080:8080"]
    }
    assert COMPOSE["networks"]["data"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == SERVICES["valkey"]["networks"] == ["data"]
    assert SERVICES["opa"]["network_mode"] == "service:gateway"


def test_the_gateway_and_opa_are_one_user_and_share_the_socket_s_volume() -> None:
    gateway, opa = SERVICES["gateway"], SERVICES["opa"]
    assert gateway["user"] == opa["user"]
    assert "opa-socket:/run/opa" in gateway["volumes"]
    assert "opa-socket:/run/opa" in opa["volumes"]
    uid = gateway["user"].partition(":")[0]
    assert f"uid={uid}," in COMPOSE["volumes"]["opa-socket"]["driver_opts"]["o"]
    [user] = [words for keyword, words in instructions() if keyword == "USER"]
    assert user == gateway["user"]


def test_the_image_s_own_command_and_check_are_those_of_the_gateway() -> None:
    last = dict(instructions())
    assert json.loads(last["CMD"]) == SERVICES["gateway"]["command"]
    assert (
        json.loads(last["HEALTHCHECK"].partition("CMD ")[2]) == SERVICES["gateway"]["healthcheck"]["test"][1:]
    )
    assert "LABEL" in last
    assert json.loads(last["ENTRYPOINT"]) == ["/opt/regogate/bin/regogate"]


def test_nothing_is_copied_into_the_image_but_by_name() -> None:
    allowed = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert allowed[1] == "*"
    given = {line[1:] for line in allowed if line.startswith("!")}
    for keyword, words in instructions():
        if keyword == "COPY" and not words.startswith("--from="):
            for source in words.split()[:-1]:
                assert source.rstrip("/") in given, source
                assert (ROOT / source).exists()


def test_the_dockerfile_has_no_finding() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    if not hadolint.exists():
        found = shutil.which("hadolint")
        if found is None:
            pytest.skip("hadolint has no wheel for this machine")
        hadolint = Path(found)
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_files_are_those_that_the_documents_name() -> None:
    guide = (ROOT / "docs/guide-compose.md").read_text("utf-8")
    for service in SERVICES:
        assert f"`{service}`" in guide
    assert (
        yaml.safe_load((ROOT / COMPOSE["configs"]["gateway"]["file"]).read_text("utf-8"))["server"]["workers"]
        > 1
    )
