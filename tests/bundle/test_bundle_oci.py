"""Publishing to a real OCI registry, with and without a login, and a real OPA that pulls from it."""

import base64
import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from pulling_opa import options, pulling_opa

from dataplane.bundle.build import restamp
from dataplane.bundle.errors import BundleRefused, PublishRefused
from dataplane.bundle.keys import KeyPair, SigningKey, load_signing_key
from dataplane.bundle.model import Bundle
from dataplane.bundle.oci import OciTag
from dataplane.bundle.oci_auth import RegistryLogin, authorized
from dataplane.bundle.remote import publish_to
from dataplane.bundle.sign import sign
from dataplane.opa.options import RemoteService, ServiceKind

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import oci_registry

START_S = 30.0
PASSWORD_HASH = "$2b$05$eVks9Ma8zLVkX6c0s13IgeAQb40qugrRNTD1QdUS9xj7d6jOWhbLe"
"""bcrypt, as the registry's htpasswd file wants it, of `canary-word`."""

_numbers = itertools.count()


@contextmanager
def registry(place: Path, *, login: bool) -> Iterator[str]:
    program = oci_registry.built()
    if program is None:
        pytest.skip("no OCI registry was built: run 'python -m tests.oci_registry' ('make test' does)")
    config = {
        "version": 0.1,
        "log": {"level": "info"},
        "storage": {"filesystem": {"rootdirectory": str(place / "data")}},
        "http": {"addr": "127.0.0.1:0", "secret": "for-tests"},
    }
    if login:
        (place / "htpasswd").write_text(f"publisher:{PASSWORD_HASH}\n")
        config["auth"] = {"htpasswd": {"realm": "tests", "path": str(place / "htpasswd")}}
    (place / "config.yml").write_text(json.dumps(config))
    log = place / "registry.log"
    with log.open("wb") as out:
        process = subprocess.Popen([program, "serve", place / "config.yml"], stdout=out, stderr=out)
    try:
        end = time.monotonic() + START_S
        while not (found := re.search(r"listening on (127\.0\.0\.1:[0-9]+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        yield found[1]
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry(tmp_path_factory.mktemp("registry"), login=False) as found:
        yield found


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry(tmp_path_factory.mktemp("guarded"), login=True) as found:
        yield found


@pytest.fixture(scope="module")
def key(pair: KeyPair) -> SigningKey:
    return load_signing_key(pair.private, keyid=pair.keyid)


def tag_of(host: str, login: RegistryLogin | None = None) -> OciTag:
    """The tag of channel prod in a repository of the test's own."""
    name = f"team/policies-{next(_numbers)}"
    return OciTag(registry=f"http://{host}", repository=name, tag="prod", login=login)


def at(signed: Bundle, key: SigningKey, seq: int) -> Bundle:
    return sign(restamp(signed, seq=seq, channel="prod"), key)


def test_without_the_right_login_nothing_is_pushed(
    guarded: str, signed: Bundle, keys: dict[str, str]
) -> None:
    for login in (None, RegistryLogin(username="publisher", password="canary-wrong")):
        with pytest.raises(PublishRefused, match="401; check REGOGATE_OCI_USERNAME") as told:
            publish_to(tag_of(guarded, login), signed.content, "prod", keys)
        assert "canary" not in str(told.value)
    assert "canary" not in repr(tag_of(guarded, login))


def test_what_does_not_verify_is_not_pushed(
    host: str, signed: Bundle, unsigned: Bundle, keys: dict[str, str]
) -> None:
    place = tag_of(host)
    for content, channel in ((unsigned.content, "prod"), (signed.content, "dev")):
        with pytest.raises(BundleRefused):
            publish_to(place, content, channel, keys)
    assert place.held() is None
    with pytest.raises(PublishRefused, match="cannot be reached"):
        publish_to(replace(place, registry="http://127.0.0.1:1"), signed.content, "prod", keys)


def test_a_sequence_must_go_up(host: str, signed: Bundle, key: SigningKey, keys: dict[str, str]) -> None:
    place = tag_of(host)
    assert publish_to(place, signed.content, "prod", keys) == signed
    for seq in (7, 6):
        with pytest.raises(PublishRefused, match="not above 7"):
            publish_to(place, at(signed, key, seq).content, "prod", keys)
    held = place.held()
    assert held is not None
    assert held.content == signed.content


def test_who_read_an_older_state_does_not_move_the_tag(
    host: str, signed: Bundle, key: SigningKey, keys: dict[str, str]
) -> None:
    place = tag_of(host)
    place.put(signed, None)
    with pytest.raises(PublishRefused, match="somebody else published meanwhile"):
        place.put(at(signed, key, 8), None)
    held = place.held()
    assert held is not None
    assert held.content == signed.content


def test_an_image_that_is_no_bundle_is_left_alone(host: str, signed: Bundle, keys: dict[str, str]) -> None:
    place = tag_of(host)
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
    answer = httpx2.put(
        f"http://{host}/v2/{place.repository}/manifests/prod",
        content=json.dumps(manifest),
        headers={"content-type": "application/vnd.oci.image.index.v1+json"},
        trust_env=False,
    )
    assert answer.status_code == 201
    with pytest.raises(PublishRefused, match="no bundle"):
        publish_to(place, signed.content, "prod", keys)


def test_every_revision_keeps_a_tag_of_its_own(
    host: str, signed: Bundle, key: SigningKey, keys: dict[str, str]
) -> None:
    place = tag_of(host)
    second = at(signed, key, 8)
    for one in (signed, second):
        publish_to(place, one.content, "prod", keys)
    for one in (signed, second):
        held = replace(place, tag=one.revision).held()
        assert held is not None
        assert held.content == one.content


def test_a_real_opa_pulls_it_and_follows_the_tag(
    opa: Path, guarded: str, short_dir: Path, signed: Bundle, key: SigningKey, keys: dict[str, str]
) -> None:
    """With a login, as `policy.bundle.token: USER:PASSWORD` gives it to OPA."""
    place = tag_of(guarded, RegistryLogin(username="publisher", password="canary-word"))
    publish_to(place, signed.content, "prod", keys)
    service = RemoteService(url=f"http://{guarded}", kind=ServiceKind.OCI, token="publisher:canary-word")
    with pulling_opa(opa, options(service, place.name, keys, short_dir / "kept"), short_dir) as running:
        running.until(signed.revision)
        second = at(signed, key, 8)
        publish_to(place, second.content, "prod", keys)
        running.until(second.revision)


# --- the token flow, which the registry would need another server for


def token_server(answer: httpx2.Response, seen: list[httpx2.Request]) -> httpx2.Client:
    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return answer

    return httpx2.Client(transport=httpx2.MockTransport(handle))


LOGIN = RegistryLogin(username="u", password="canary-password")
CHALLENGE = 'Bearer realm="https://auth.example/token",service="r.example",scope="repository:a:pull,push"'


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        "Negotiate",
        'Bearer service="x"',
        'Bearer realm="http://auth.example/token"',
        'Bearer realm="file:///x"',
    ],
)
def test_a_login_is_not_shown_to_whom_it_does_not_belong(challenge: str) -> None:
    seen: list[httpx2.Request] = []
    with (
        token_server(httpx2.Response(200, json={"token": "t"}), seen) as client,
        pytest.raises(PublishRefused) as told,
    ):
        authorized(client, LOGIN, challenge, "https://r.example")
    assert seen == []
    assert "canary" not in str(told.value)


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(401),
        httpx2.Response(200, content=b"x"),
        httpx2.Response(200, json={}),
        httpx2.Response(200, json={"token": "a\nb"}),
    ],
)
def test_a_token_server_that_gives_no_token_is_told(answer: httpx2.Response) -> None:
    with token_server(answer, []) as client, pytest.raises(PublishRefused, match="token server"):
        authorized(client, LOGIN, CHALLENGE, "https://r.example")


def test_a_token_is_asked_of_the_server_that_the_registry_names() -> None:
    seen: list[httpx2.Request] = []
    with token_server(httpx2.Response(200, json={"access_token": "abc"}), seen) as client:
        assert authorized(client, LOGIN, CHALLENGE, "https://r.example") == "Bearer abc"
    (request,) = seen
    assert dict(request.url.params) == {"service": "r.example", "scope": "repository:a:pull,push"}
    basic = base64.b64encode(b"u:canary-password").decode()
    assert request.headers["authorization"] == f"Basic {basic}"
