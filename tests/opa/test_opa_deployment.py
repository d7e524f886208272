"""The settings of a deployment become what OPA is told: whose bundle, under which scope, whom it tells."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dataplane.config import BundleSettings, SecretRef
from dataplane.errors import ConfigError
from dataplane.opa.deployment import MAX_LIST_BYTES, Opas, opa_options
from dataplane.opa.errors import UnsafeOpaConfig
from dataplane.opa.options import (
    MAX_INPUT_BYTES,
    OpaOptions,
    RemoteService,
    ServiceKind,
    child_environment,
    config_text,
)
from dataplane.trial import Trial, TrialKind

ADMIN = "http://127.0.0.1:8081"


def options(settings: BundleSettings, public_key: str, **changes: object) -> OpaOptions:
    arguments: dict[str, object] = {
        "keys": {"k1": public_key},
        "admin_url": ADMIN,
        "token": "admin-token",
        "instance": "gateway-1",
        "persistence": Path("/var/lib/regogate/opa"),
    }
    return opa_options(settings, **(arguments | changes))  # type: ignore[arg-type]


def test_by_default_bundle_and_status_are_our_own_admin_address_s(public_key: str) -> None:
    made = options(BundleSettings(channel="prod"), public_key)
    assert made.bundle.service.url == ADMIN
    assert made.bundle.resource == "bundles/prod"
    assert made.bundle.service.token == "admin-token"
    assert made.bundle.signing.scope == "prod"
    assert made.status is not None
    assert (made.status.service.url, made.status.partition) == (ADMIN, "gateway-1")
    assert made.persistence == Path("/var/lib/regogate/opa")


def test_another_bundle_server_gets_its_own_token_and_never_ours(public_key: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("bundle-token\n")
    settings = BundleSettings(
        url="https://bundles.example:8443/a/b/prod.tar.gz", token=SecretRef(file=token), channel="prod"
    )
    made = options(settings, public_key)
    assert made.bundle.service.url == "https://bundles.example:8443"
    assert made.bundle.resource == "a/b/prod.tar.gz"
    assert made.bundle.service.token == "bundle-token"
    assert made.status is not None
    assert made.status.service.token == "admin-token"
    without = options(BundleSettings(url=settings.url), public_key)
    assert without.bundle.service.token is None
    for shown in (repr(made), repr(made.bundle), repr(made.status)):
        assert "bundle-token" not in shown
        assert "admin-token" not in shown


def test_opa_s_configuration_names_key_scope_and_server(public_key: str) -> None:
    config = json.loads(config_text(options(BundleSettings(channel="staging"), public_key)))
    (bundle,) = config["bundles"].values()
    assert bundle["signing"]["scope"] == "staging"
    assert bundle["resource"] == "bundles/staging"
    assert list(config["keys"]) == ["k1"]


def test_a_token_that_cannot_be_read_is_told(public_key: str, tmp_path: Path) -> None:
    settings = BundleSettings(url="https://b.example/x", token=SecretRef(file=tmp_path / "none"))
    with pytest.raises(ConfigError, match="No such file"):
        options(settings, public_key)


def test_plain_http_elsewhere_and_no_keys_are_refused(public_key: str) -> None:
    with pytest.raises(UnsafeOpaConfig, match="plain http"):
        options(BundleSettings(url="http://bundles.example/x"), public_key)
    with pytest.raises(UnsafeOpaConfig, match="no verification keys"):
        options(BundleSettings(), public_key, keys={})


def test_storage_is_signed_for_with_the_environment_s_credentials_and_nothing_else_sees_them(
    public_key: str,
) -> None:
    environ = {"PATH": "/bin", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "r"}
    settings = BundleSettings(url="https://s3.example/bucket/prod/bundle.tar.gz", kind="s3")
    made = options(settings, public_key)
    (service,) = (one for name, one in json.loads(config_text(made))["services"].items() if name == "bundles")
    assert service["credentials"] == {"s3_signing": {"service": "s3", "environment_credentials": {}}}
    assert made.bundle.resource == "bucket/prod/bundle.tar.gz"
    assert environ.items() <= child_environment(made, environ).items()
    plain = options(BundleSettings(url="https://b.example/prod.tar.gz"), public_key)
    assert not [name for name in child_environment(plain, environ) if name.startswith("AWS_")]


@pytest.mark.parametrize(
    ("token", "bearer"),
    [("user:word", {"token": "user:word", "scheme": "Basic"}), ("ghp", {"token": "ghp"})],
)
def test_a_registry_is_named_with_its_tag_and_shown_a_login(
    public_key: str, tmp_path: Path, token: str, bearer: dict[str, str]
) -> None:
    (tmp_path / "token").write_text(token)
    settings = BundleSettings(
        url="https://r.example:5000/team/policies:prod",
        kind="oci",
        token=SecretRef(file=tmp_path / "token"),
    )
    config = json.loads(config_text(options(settings, public_key)))
    assert config["services"]["bundles"] == {
        "url": "https://r.example:5000",
        "type": "oci",
        "credentials": {"bearer": bearer},
    }
    assert config["bundles"]["main"]["resource"] == "r.example:5000/team/policies:prod"


def test_storage_with_a_token_is_refused() -> None:
    with pytest.raises(UnsafeOpaConfig, match="not a token"):
        RemoteService(url="https://s3.example", kind=ServiceKind.S3, token="x")


TRIAL = Trial(
    id="t-1",
    kind=TrialKind.SHADOW,
    channel="prod",
    revision="7-gabc1234-0123456789ab",
    signed_for="staging",
    share_ppm=100_000,
    begun=False,
)


def opas(binary: Path | None, public_key: str) -> Opas:
    return Opas(
        binary=binary,
        keys={"k1": public_key},
        token="admin-token",
        instance="gateway-1",
        persistence=Path("/var/lib/regogate/opa"),
    )


def test_without_an_opa_of_its_own_a_gateway_runs_neither(public_key: str) -> None:
    none = opas(None, public_key)
    with pytest.raises(ConfigError, match="regogate opa install"):
        none.active(BundleSettings(), ADMIN, lambda _: None)
    with pytest.raises(ConfigError, match=r"policy\.opa\.socket"):
        none.candidate(TRIAL, ADMIN, lambda _: None)
    assert "admin-token" not in repr(none)


def test_a_candidate_is_fetched_and_reported_under_its_own_path_and_signed_for_its_own_channel(
    public_key: str,
) -> None:
    canary = replace(TRIAL, kind=TrialKind.CANARY)
    for trial in (TRIAL, canary):
        told = opas(None, public_key).candidate_options(trial, ADMIN)
        assert told.bundle.service.url == f"{ADMIN}/candidates/t-1"
        assert told.bundle.resource == "bundle"
        assert told.bundle.signing.scope == "staging"
        assert told.status is not None
        assert (told.status.service.url, told.status.partition) == (f"{ADMIN}/candidates/t-1", "gateway-1")
    shadow, canary_told = (opas(None, public_key).candidate_options(one, ADMIN) for one in (TRIAL, canary))
    assert shadow.persistence is None
    assert shadow.max_input_bytes == MAX_LIST_BYTES
    assert canary_told.persistence == Path("/var/lib/regogate/opa/canary-7-gabc1234-0123456789ab")
    assert canary_told.max_input_bytes == MAX_INPUT_BYTES
