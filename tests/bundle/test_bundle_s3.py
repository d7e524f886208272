"""Publishing to S3-compatible storage that checks signatures, and a real OPA that pulls from it."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pulling_opa import options, pulling_opa
from s3_server import REGION, S3Server, moto_server, s3_server

from dataplane.bundle.build import restamp
from dataplane.bundle.errors import BundleRefused, PublishRefused
from dataplane.bundle.keys import KeyPair, SigningKey, keygen, load_signing_key
from dataplane.bundle.model import Bundle
from dataplane.bundle.remote import publish_to
from dataplane.bundle.s3 import S3Object
from dataplane.bundle.sign import sign
from dataplane.bundle.sigv4 import AwsCredentials
from dataplane.opa.options import RemoteService, ServiceKind

_numbers = itertools.count()


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(moto_server(), tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="module")
def key(pair: KeyPair) -> SigningKey:
    return load_signing_key(pair.private, keyid=pair.keyid)


@pytest.fixture
def place(storage: S3Server) -> S3Object:
    """The object of channel prod in a bucket of the test's own."""
    bucket = f"bucket-{next(_numbers)}"
    body = (
        b"<CreateBucketConfiguration><LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>"
    )
    assert storage.raw("PUT", f"/{bucket}", body % REGION.encode()).status_code == 200
    return S3Object(
        base=f"{storage.url}/{bucket}",
        key="policies/prod/bundle.tar.gz",
        region=REGION,
        credentials=storage.credentials,
    )


def at(signed: Bundle, key: SigningKey, seq: int) -> Bundle:
    return sign(restamp(signed, seq=seq, channel="prod"), key)


def test_a_wrong_secret_key_is_refused_and_nowhere_shown(
    place: S3Object, signed: Bundle, keys: dict[str, str]
) -> None:
    wrong = AwsCredentials(access_key=place.credentials.access_key, secret_key="canary-secret")
    with pytest.raises(PublishRefused, match="AWS_SECRET_ACCESS_KEY") as told:
        publish_to(replace(place, credentials=wrong), signed.content, "prod", keys)
    assert "canary-secret" not in str(told.value)
    assert "403 SignatureDoesNotMatch" in str(told.value)
    assert "canary-secret" not in repr(replace(place, credentials=wrong))


def test_a_bucket_that_is_not_there_and_a_server_that_is_not_there_are_told(
    place: S3Object, signed: Bundle, keys: dict[str, str]
) -> None:
    with pytest.raises(PublishRefused, match="no such bucket"):
        publish_to(replace(place, base=f"{place.base}-none"), signed.content, "prod", keys)
    with pytest.raises(PublishRefused, match="cannot be reached"):
        publish_to(replace(place, base="http://127.0.0.1:1/b"), signed.content, "prod", keys)


def test_what_does_not_verify_or_is_for_another_channel_is_not_written(
    place: S3Object, signed: Bundle, unsigned: Bundle, keys: dict[str, str]
) -> None:
    for content, channel in ((unsigned.content, "prod"), (signed.content, "dev")):
        with pytest.raises(BundleRefused):
            publish_to(place, content, channel, keys)
    assert place.held() is None


def test_a_sequence_must_go_up_and_a_foreign_object_stays(
    place: S3Object, signed: Bundle, key: SigningKey, keys: dict[str, str], tmp_path: Path
) -> None:
    assert publish_to(place, signed.content, "prod", keys) == signed
    for seq in (7, 6):
        with pytest.raises(PublishRefused, match="not above 7"):
            publish_to(place, at(signed, key, seq).content, "prod", keys)
    other = keygen(tmp_path, keyid="other")
    with pytest.raises(PublishRefused, match="list the key it was signed with"):
        publish_to(
            place,
            sign(
                restamp(signed, seq=8, channel="prod"), load_signing_key(other.private, keyid="other")
            ).content,
            "prod",
            {"other": other.public.read_text()},
        )
    held = place.held()
    assert held is not None
    assert held.content == signed.content


def test_of_two_who_publish_at_once_one_is_told_to_try_again(
    place: S3Object, signed: Bundle, key: SigningKey, keys: dict[str, str]
) -> None:
    """Both read the same state; the storage's condition decides."""
    place.put(signed, None)
    with pytest.raises(PublishRefused, match="somebody else published meanwhile"):
        place.put(at(signed, key, 8), None)
    before = place.held()
    place.put(at(signed, key, 8), before)
    with pytest.raises(PublishRefused, match="somebody else published meanwhile"):
        place.put(at(signed, key, 9), before)
    now = place.held()
    assert now is not None
    assert now.content != signed.content


def test_every_published_revision_stays_beside_the_current_one(
    place: S3Object, storage: S3Server, signed: Bundle, key: SigningKey, keys: dict[str, str]
) -> None:
    second = at(signed, key, 8)
    for one in (signed, second):
        publish_to(place, one.content, "prod", keys)
    bucket = place.base.rpartition("/")[2]
    for one in (signed, second):
        kept = storage.raw("GET", f"/{bucket}/policies/prod/published/{one.revision}.tar.gz")
        assert (kept.status_code, kept.content) == (200, one.content)
    # with OPA's own media type it would take the storage for a long-polling server and never pause
    assert kept.headers["content-type"] == "application/gzip"


def test_a_real_opa_pulls_it_with_signed_requests_and_follows(
    opa: Path,
    place: S3Object,
    short_dir: Path,
    signed: Bundle,
    key: SigningKey,
    keys: dict[str, str],
) -> None:
    publish_to(place, signed.content, "prod", keys)
    server, _, bucket = place.base.rpartition("/")
    service = RemoteService(url=server, kind=ServiceKind.S3)
    environ = {
        "AWS_ACCESS_KEY_ID": place.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": place.credentials.secret_key,
        "AWS_REGION": REGION,
    }
    made = options(service, f"{bucket}/{place.key}", keys, short_dir / "kept")
    with pulling_opa(opa, made, short_dir, environ) as running:
        running.until(signed.revision)
        second = at(signed, key, 8)
        publish_to(place, second.content, "prod", keys)
        running.until(second.revision)
