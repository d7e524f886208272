"""Settings of token issuers: what is taken, and what is refused before anything starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dataplane.cli import app
from dataplane.config import Settings, build, load
from dataplane.errors import ConfigError

BASE = Path("/etc/regogate")
ISSUER = {"issuer": "https://idp.example/realm", "audience": "regogate"}


def settings(**changes: Any) -> Settings:
    return build({"identity": {"jwt": [ISSUER | changes]}}, BASE)


def problems(**changes: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        settings(**changes)
    return caught.value.problems


def test_an_issuer_needs_a_name_and_an_audience_and_has_careful_defaults() -> None:
    [one] = settings().identity.jwt
    assert (one.audience, one.algorithms, one.types) == (("regogate",), ("RS256",), ("JWT", "at+jwt", "none"))
    assert (one.leeway_s, one.jwks_refresh_s, one.claims.client) == (30, 10, ("client_id", "azp"))


def test_one_text_stands_for_a_list_of_one() -> None:
    [one] = settings(types="at+jwt", claims={"client": "app.id"}, audience=["a", "b"]).identity.jwt
    assert (one.types, one.claims.client, one.audience) == (("at+jwt",), ("app.id",), ("a", "b"))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "none", "ES256K", "RSA-OAEP", "rs256", ""])
def test_only_asymmetric_algorithms_can_be_named(algorithm: str) -> None:
    [told] = problems(algorithms=["RS256", algorithm])
    assert told.startswith("identity.jwt.0.algorithms.1: must be 'RS256'")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"audience": []}, "identity.jwt.0.audience: must name at least one"),
        ({"audience": ""}, "identity.jwt.0.audience: must name at least one"),
        ({"algorithms": []}, "identity.jwt.0.algorithms: "),
        ({"issuer": ""}, "identity.jwt.0.issuer: "),
        ({"leeway_s": 301}, "identity.jwt.0.leeway_s: "),
        ({"jwks_url": "https://k.example/", "jwks_file": "k"}, "identity.jwt.0: give jwks_url or jwks_file"),
        ({"jwks_url": "http://k.example/"}, "identity.jwt.0: jwks_url: plain http only to loopback"),
        ({"issuer": "http://idp.example"}, "identity.jwt.0: issuer: plain http only to loopback"),
        ({"issuer": "http://127.0.0.1:80@idp.example"}, "identity.jwt.0: must be an http:// or https:// URL"),
        ({"issuer": "acme"}, "identity.jwt.0: issuer must be an https:// URL; or give jwks_url or jwks_file"),
        ({"require": {"scopes": ['a"b']}}, "identity.jwt.0.require.scopes.0: "),
        ({"require": {"scopes": ["a b"]}}, "identity.jwt.0.require.scopes.0: "),
        ({"claims": {"client": []}}, "identity.jwt.0.claims.client: must name one claim or more"),
        ({"claims": {"clients": "x"}}, "identity.jwt.0.claims.clients: unknown key; did you mean client?"),
        ({"audiense": "x"}, "identity.jwt.0.audiense: unknown key; did you mean audience?"),
        ({"introspection": {"url": "https://i.example"}}, "identity.jwt.0.introspection.client_id: field"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(changes: dict[str, Any], says: str) -> None:
    assert any(told.startswith(says) for told in problems(**changes)), problems(**changes)


def test_plain_http_is_for_loopback_or_by_choice() -> None:
    assert settings(jwks_url="http://127.0.0.1:9/keys").identity.jwt
    assert settings(issuer="http://idp.example", allow_plaintext=True).identity.jwt
    ask = {"url": "http://idp.example/i", "client_id": "c", "client_secret": {"env": "S"}}
    [told] = problems(introspection=ask)
    assert told.startswith("identity.jwt.0: introspection.url: plain http")


def test_an_issuer_is_listed_once() -> None:
    with pytest.raises(ConfigError, match="listed twice; give one entry all its audiences"):
        build({"identity": {"jwt": [ISSUER, ISSUER | {"audience": "other"}]}}, BASE)


def test_files_of_an_issuer_are_relative_to_the_settings() -> None:
    [one] = settings(jwks_file="idp.jwks", revoked_file="r.txt", ca_file="/ca.pem").identity.jwt
    assert (one.jwks_file, one.revoked_file) == (BASE / "idp.jwks", BASE / "r.txt")
    assert one.ca_file == Path("/ca.pem")


def checked(tmp_path: Path, **changes: Any) -> list[str]:
    file = tmp_path / "regogate.yaml"
    file.write_text(json.dumps({"identity": {"jwt": [ISSUER | changes]}}))
    done = CliRunner().invoke(app, ["check-config", "--config", str(file), "--json"])
    assert done.exit_code == 1
    return [line for line in json.loads(done.stdout)["problems"] if line.startswith("identity")]


def test_check_config_finds_files_that_are_missing(tmp_path: Path) -> None:
    file = tmp_path / "regogate.yaml"
    file.write_text(json.dumps({"identity": {"jwt": [ISSUER | {"jwks_file": "k", "revoked_file": "r"}]}}))
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert caught.value.problems == [
        f"identity.jwt.0.jwks_file: {tmp_path}/k: no such file",
        f"identity.jwt.0.revoked_file: {tmp_path}/r: no such file",
    ]


def test_check_config_finds_files_that_hold_the_wrong_thing(tmp_path: Path) -> None:
    for name, text in (("k", '{"keys": []}'), ("r", "sha256:beef"), ("c", "no certificate")):
        (tmp_path / name).write_text(text)
    told = checked(tmp_path, jwks_file="k", revoked_file="r", ca_file="c")
    assert told == [
        "identity.jwt.0: ca_file: is not a readable PEM file",
        "identity.jwt.0: jwks_file: the key set has no usable key",
        f"identity.jwt.0: revoked_file: {tmp_path}/r: line 1: not sha256: and 64 hexadecimal digits",
    ]
