"""What `publish --to` names, and where its credentials come from."""

from pathlib import Path

import pytest
import typer

from dataplane.bundle.errors import BundleError
from dataplane.bundle.oci import OciTag
from dataplane.bundle.s3 import S3Object
from dataplane.cli.bundle.places import place_of

ENDPOINT = "http://127.0.0.1:9000"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    monkeypatch.delenv("REGOGATE_OCI_USERNAME", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")


def s3(to: str, endpoint: str | None = None) -> S3Object:
    found = place_of(to, "prod", endpoint)
    assert isinstance(found, S3Object)
    assert "canary" not in repr(found)
    return found


def oci(to: str) -> OciTag:
    found = place_of(to, "prod", None)
    assert isinstance(found, OciTag)
    assert "canary" not in repr(found)
    return found


@pytest.mark.parametrize(
    "to",
    [
        "ftp://host/x",
        "https://host/x",
        "",
        " ",
        "s3://",
        "s3:///x",
        "s3://Bucket",
        "s3://user:word@bucket",
        "s3://bucket/a//b",
        "s3://bucket/../other",
        "s3://bucket/x?y",
        "oci://host",
        "oci://host/Upper",
        "oci://user:word@host/x",
        "oci://host/x:",
        "oci://host/../x",
        "oci://host/x@sha256:00",
    ],
)
def test_what_is_no_place_is_refused(to: str) -> None:
    with pytest.raises(typer.BadParameter):
        place_of(to, "prod", None)


@pytest.mark.parametrize("endpoint", ["host:9000", "https://user:word@host", "https://host/?x", "ftp://host"])
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(typer.BadParameter):
        place_of("s3://bucket", "prod", endpoint)


def test_credentials_are_never_sent_in_the_clear_to_another_host() -> None:
    with pytest.raises(BundleError, match="https://"):
        place_of("s3://bucket", "prod", "http://storage.example")
    assert oci("oci://registry.example/policies").registry == "https://registry.example"
    assert oci("oci://127.0.0.1:5000/policies").registry == "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("to", "key"),
    [
        ("s3://policies", "prod/bundle.tar.gz"),
        ("s3://policies/", "prod/bundle.tar.gz"),
        ("s3://policies/team/a", "team/a/prod/bundle.tar.gz"),
        ("s3://policies/team/mine.tar.gz", "team/mine.tar.gz"),
    ],
)
def test_an_object_is_named_by_path_and_channel(to: str, key: str) -> None:
    found = s3(to, ENDPOINT)
    assert (found.base, found.key) == (f"{ENDPOINT}/policies", key)
    assert found.name == f"{ENDPOINT}/policies/{key}"


def test_without_an_endpoint_it_is_aws_in_the_region_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert s3("s3://policies").base == "https://policies.s3.us-east-1.amazonaws.com"
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert s3("s3://policies").base == "https://policies.s3.eu-central-1.amazonaws.com"
    assert s3("s3://my.policies").base == "https://s3.eu-central-1.amazonaws.com/my.policies"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://storage.example")
    assert s3("s3://policies").base == "https://storage.example/policies"
    monkeypatch.setenv("AWS_REGION", "x/y")
    with pytest.raises(BundleError, match="AWS_REGION"):
        place_of("s3://policies", "prod", None)


def test_a_tag_is_the_channel_unless_one_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert oci("oci://registry.example:5000/team/policies").name == "registry.example:5000/team/policies:prod"
    assert oci("oci://registry.example/policies:live").tag == "live"
    assert oci("oci://registry.example/policies").login is None
    monkeypatch.setenv("REGOGATE_OCI_USERNAME", "ci")
    monkeypatch.setenv("REGOGATE_OCI_PASSWORD", "canary-word")
    login = oci("oci://registry.example/policies").login
    assert login is not None
    assert login.password == "canary-word"


def test_anything_else_is_a_directory() -> None:
    assert place_of("srv/bundles", "prod", None) == Path("srv/bundles")
