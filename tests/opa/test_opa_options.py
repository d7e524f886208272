from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from dataplane.opa.errors import UnsafeOpaConfig
from dataplane.opa.options import (
    BundleSigning,
    BundleSource,
    OpaOptions,
    RemoteService,
    StatusSink,
    child_environment,
    command_line,
    config_text,
    processors,
)

TOKEN = "token-that-nobody-may-see"


def source(**changes: Any) -> BundleSource:
    service = RemoteService(url="http://127.0.0.1:9000", token=TOKEN)
    base: dict[str, Any] = {
        "service": service,
        "resource": "bundles/main",
        "signing": BundleSigning(scope="prod"),
    }
    return BundleSource(**(base | changes))


def test_a_configuration_without_verification_keys_is_refused() -> None:
    with pytest.raises(UnsafeOpaConfig, match="no verification keys"):
        OpaOptions(bundle=source(), keys={})


@pytest.mark.parametrize("signing", [None, BundleSigning(scope="")])
def test_a_bundle_without_a_signing_scope_is_refused(public_key: str, signing: BundleSigning | None) -> None:
    with pytest.raises(UnsafeOpaConfig, match="no signing scope"):
        OpaOptions(bundle=source(signing=signing), keys={"k": public_key})


def test_a_pinned_key_must_be_the_only_one(public_key: str) -> None:
    pinned = source(signing=BundleSigning(scope="prod", keyid="k1"))
    with pytest.raises(UnsafeOpaConfig, match="not among"):
        OpaOptions(bundle=pinned, keys={"k2": public_key})
    with pytest.raises(UnsafeOpaConfig, match="leave the key id out"):
        OpaOptions(bundle=pinned, keys={"k1": public_key, "k2": public_key})


def test_keys_that_are_not_public_keys_on_p256_are_refused_without_being_shown() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    bad = {
        "private": private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "p384": ec.generate_private_key(ec.SECP384R1())
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "ed25519": ed25519.Ed25519PrivateKey.generate()
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "": b"",
        "text": b"shared-secret",
    }
    for keyid, pem in bad.items():
        with pytest.raises(UnsafeOpaConfig) as caught:
            OpaOptions(bundle=source(), keys={keyid: pem.decode()})
        assert "BEGIN" not in str(caught.value)
        assert "shared-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "unix:///run/x.sock",
        "ftp://host/x",
        "http://",
        "https://me:pw@host/",
        "http://bundles.example.org/",
        "http://10.0.0.1:8081",
    ],
)
def test_a_service_that_cannot_be_trusted_with_a_token_is_refused(url: str) -> None:
    with pytest.raises(UnsafeOpaConfig) as caught:
        RemoteService(url=url)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://[::1]:1/x", "http://localhost:1", "https://b.example.org/x"]
)
def test_plaintext_is_for_loopback_or_an_explicit_wish(url: str) -> None:
    assert RemoteService(url=url).url == url
    assert RemoteService(url="http://channel:8081", allow_plaintext=True)


@pytest.mark.parametrize("token", ["", "a\r\nb", "tök"])
def test_a_token_that_is_no_header_value_is_refused(token: str) -> None:
    with pytest.raises(UnsafeOpaConfig, match="printable ASCII"):
        RemoteService(url="https://b.example.org", token=token)


@pytest.mark.parametrize("where", ["token", "resource", "scope", "partition"])
def test_a_value_that_opa_would_replace_from_its_environment_is_refused(public_key: str, where: str) -> None:
    service = RemoteService(url="https://b.example.org", token="${HOME}" if where == "token" else TOKEN)
    scope = "${HOME}" if where == "scope" else "prod"
    options = OpaOptions(
        bundle=source(
            service=service,
            resource="${HOME}" if where == "resource" else "b",
            signing=BundleSigning(scope=scope),
        ),
        keys={"k": public_key},
        status=StatusSink(service=service, partition="${X}" if where == "partition" else "p"),
    )
    with pytest.raises(UnsafeOpaConfig, match="substitute"):
        config_text(options)


def test_tokens_and_keys_are_in_no_repr_and_the_arguments_hold_no_token(public_key: str) -> None:
    options = OpaOptions(bundle=source(), keys={"k": public_key})
    assert TOKEN not in repr(options)
    assert options.secrets == (TOKEN,)
    line = command_line(Path("/bin/opa"), socket=Path("/run/x/opa.sock"), config=Path("/run/x/opa.json"))
    assert TOKEN not in " ".join(line)


def test_options_cannot_be_changed_afterwards(public_key: str) -> None:
    keys = {"k": public_key}
    options = OpaOptions(bundle=source(), keys=keys)
    keys.clear()
    assert set(options.keys) == {"k"}
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.keys = {}  # type: ignore[misc]


def test_the_whole_configuration(public_key: str) -> None:
    status = StatusSink(service=RemoteService(url="https://s.example.org", token="other"), partition="pdp-a")
    options = OpaOptions(
        bundle=source(service=RemoteService(url="https://b.example.org/c", ca_cert=Path("/ca.pem"))),
        keys={"k1": public_key, "k2": public_key},
        status=status,
        persistence=Path("/var/p"),
    )
    config = json.loads(config_text(options))
    assert config == {
        "services": {
            "bundles": {"url": "https://b.example.org/c", "tls": {"ca_cert": "/ca.pem"}},
            "status": {"url": "https://s.example.org", "credentials": {"bearer": {"token": "other"}}},
        },
        "keys": {keyid: {"algorithm": "ES256", "key": public_key} for keyid in ("k1", "k2")},
        "bundles": {
            "main": {
                "service": "bundles",
                "resource": "bundles/main",
                "signing": {"scope": "prod"},
                "persist": True,
                "size_limit_bytes": 64 * 1024 * 1024,
                "polling": {
                    "min_delay_seconds": 1,
                    "max_delay_seconds": 2,
                    "long_polling_timeout_seconds": 30,
                },
            }
        },
        "server": {"decoding": {"max_length": 65536, "gzip": {"max_length": 65536}}},
        "status": {"service": "status", "partition_name": "pdp-a"},
        "persistence_directory": "/var/p",
    }


def test_one_key_may_be_pinned_and_status_and_persistence_left_out(public_key: str) -> None:
    pinned = source(signing=BundleSigning(scope="dev", keyid="k1"))
    config = json.loads(config_text(OpaOptions(bundle=pinned, keys={"k1": public_key})))
    assert config["bundles"]["main"]["signing"] == {"scope": "dev", "keyid": "k1"}
    assert config["bundles"]["main"]["persist"] is False
    assert not config.keys() & {"status", "persistence_directory", "decision_logs", "discovery"}


def test_the_child_gets_no_flag_and_no_key_from_our_environment(public_key: str) -> None:
    ours = {"OPA_RUN_SKIP_VERIFY": "true", "OPENAI_API_KEY": "k", "GOGC": "1", "PATH": "/bin", "TZ": "UTC"}
    options = OpaOptions(bundle=source(), keys={"k": public_key})
    passed = child_environment(options, ours)
    assert int(passed.pop("GOMAXPROCS")) >= 1
    assert passed == {"PATH": "/bin", "TZ": "UTC", "GOGC": "400"}


def test_the_operator_says_how_many_cpus_opa_may_use(public_key: str) -> None:
    options = OpaOptions(bundle=source(), keys={"k": public_key})
    assert child_environment(options, {"GOMAXPROCS": "7"})["GOMAXPROCS"] == "7"


@pytest.mark.parametrize(("available", "used"), [(1, 1), (2, 1), (3, 2), (5, 4), (64, 4)])
def test_opa_leaves_a_cpu_to_the_data_plane(available: int, used: int) -> None:
    assert processors(available) == used
