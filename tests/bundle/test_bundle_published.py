"""Bundles that were published can be looked up by revision, within bounds."""

from pathlib import Path

import pytest

from dataplane.bundle.build import restamp
from dataplane.bundle.errors import PublishRefused
from dataplane.bundle.keys import KeyPair, SigningKey, load_signing_key
from dataplane.bundle.model import Bundle
from dataplane.bundle.published import bundle_path, find, keep, kept_path, revisions
from dataplane.bundle.sign import sign
from dataplane.bundle.store import ChannelStore, publish


@pytest.fixture(scope="module")
def key(pair: KeyPair) -> SigningKey:
    return load_signing_key(pair.private, keyid=pair.keyid)


def at(signed: Bundle, key: SigningKey, seq: int) -> Bundle:
    return sign(restamp(signed, seq=seq, channel="prod"), key)


@pytest.mark.parametrize("revision", ["", "7", "../7", "7-g0000000-" + "0" * 12, "../../x", "7-g0000000-x/y"])
def test_what_was_never_published_or_is_no_revision_is_not_found(
    revision: str, tmp_path: Path, signed: Bundle, keys: dict[str, str]
) -> None:
    assert find(tmp_path / "missing", revision) is None
    publish(tmp_path, signed.content, "prod", keys)
    assert ChannelStore(tmp_path, keys).find(revision) is None
    assert revisions(tmp_path, "..") == ()


def test_a_kept_file_that_is_not_what_its_name_says_is_not_found(
    tmp_path: Path, signed: Bundle, key: SigningKey, keys: dict[str, str]
) -> None:
    publish(tmp_path, signed.content, "prod", keys)
    publish(tmp_path, at(signed, key, 8).content, "prod", keys)
    for content in (b"damaged", at(signed, key, 9).content):
        kept_path(tmp_path, "prod", signed.revision).write_bytes(content)
        assert find(tmp_path, signed.revision) is None


def test_every_published_revision_is_found_also_after_the_next(
    tmp_path: Path, signed: Bundle, key: SigningKey, keys: dict[str, str]
) -> None:
    second = at(signed, key, 8)
    for one in (signed, second):
        publish(tmp_path, one.content, "prod", keys)
    store = ChannelStore(tmp_path, keys)
    assert (store.find(signed.revision), store.find(second.revision)) == (signed.content, second.content)
    assert revisions(tmp_path, "prod") == (second.revision, signed.revision)


def test_what_is_refused_is_not_kept(
    tmp_path: Path, signed: Bundle, key: SigningKey, keys: dict[str, str]
) -> None:
    publish(tmp_path, signed.content, "prod", keys)
    stale = at(signed, key, 6)
    with pytest.raises(PublishRefused):
        publish(tmp_path, stale.content, "prod", keys)
    assert find(tmp_path, stale.revision) is None


def test_a_current_bundle_from_before_there_was_a_folder_is_found(tmp_path: Path, signed: Bundle) -> None:
    path = bundle_path(tmp_path, "prod")
    path.parent.mkdir()
    path.write_bytes(signed.content)
    assert find(tmp_path, signed.revision) == signed.content


def test_the_oldest_beyond_the_bounds_go_and_the_newest_stays(
    tmp_path: Path, signed: Bundle, key: SigningKey
) -> None:
    bundles = [at(signed, key, seq) for seq in (9, 10, 11, 100)]
    for one in bundles:
        keep(tmp_path, one, revisions=2)
    assert revisions(tmp_path, "prod") == (bundles[3].revision, bundles[2].revision)
    keep(tmp_path, at(signed, key, 101), size=1)
    assert [int(one.split("-")[0]) for one in revisions(tmp_path, "prod")] == [101]


def test_what_a_killed_publisher_left_goes(tmp_path: Path, signed: Bundle) -> None:
    path = kept_path(tmp_path, "prod", signed.revision)
    path.parent.mkdir(parents=True)
    (path.parent / ".1-g0000000-000000000000.tar.gz.ab").write_bytes(b"half")
    keep(tmp_path, signed)
    assert [one.name for one in path.parent.iterdir()] == [path.name]
