"""The signing key changes while gateways run: an overlap in which bundles of both keys activate."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulling_opa import options, pulling_opa

from dataplane.bundle.build import restamp
from dataplane.bundle.errors import BundleRefused, PublishRefused
from dataplane.bundle.keys import KeyPair, keygen, load_signing_key
from dataplane.bundle.model import Bundle
from dataplane.bundle.published import bundle_path
from dataplane.bundle.sign import sign
from dataplane.bundle.store import publish
from dataplane.opa.options import RemoteService


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[KeyPair, KeyPair]:
    folder = tmp_path_factory.mktemp("rotation")
    return keygen(folder, name="old", keyid="k-old"), keygen(folder, name="new", keyid="k-new")


def signed_by(pair: KeyPair, unsigned: Bundle, seq: int) -> Bundle:
    key = load_signing_key(pair.private, keyid=pair.keyid)
    return sign(restamp(unsigned, seq=seq, channel="prod"), key)


def listed(*pairs: KeyPair) -> dict[str, str]:
    return {pair.keyid: pair.public.read_text() for pair in pairs}


@pytest.fixture
def files(tmp_path: Path) -> Iterator[str]:
    """A plain file server over what the store publishes, as a directory target has one."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *words: object) -> None:
            super().__init__(*words, directory=str(tmp_path / "srv"))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_store_takes_both_keys_in_the_overlap_and_the_new_one_alone_afterwards(
    tmp_path: Path, unsigned: Bundle, pairs: tuple[KeyPair, KeyPair]
) -> None:
    old, new = pairs
    both = listed(old, new)
    publish(tmp_path, signed_by(old, unsigned, 1).content, "prod", both)
    with pytest.raises(BundleRefused, match="not listed"):
        publish(tmp_path, signed_by(new, unsigned, 2).content, "prod", listed(old))
    with pytest.raises(PublishRefused, match="list the key it was signed with"):
        publish(tmp_path, signed_by(new, unsigned, 2).content, "prod", listed(new))
    publish(tmp_path, signed_by(new, unsigned, 2).content, "prod", both)
    publish(tmp_path, signed_by(new, unsigned, 3).content, "prod", listed(new))
    with pytest.raises(BundleRefused, match="not listed"):
        publish(tmp_path, signed_by(old, unsigned, 4).content, "prod", listed(new))


def test_an_opa_with_both_keys_activates_bundles_of_both_and_one_with_the_new_key_no_old_ones(
    opa: Path,
    files: str,
    tmp_path: Path,
    short_dir: Path,
    unsigned: Bundle,
    pairs: tuple[KeyPair, KeyPair],
) -> None:
    """Directory target, a real OPA, and the three steps of the guide."""
    old, new = pairs
    both = listed(old, new)
    service = RemoteService(url=files)
    store = tmp_path / "srv"
    first, second, third = (signed_by(pair, unsigned, seq) for pair, seq in ((old, 1), (new, 2), (old, 3)))
    publish(store, first.content, "prod", both)
    made = options(service, "prod/bundle.tar.gz", both, short_dir / "kept")
    with pulling_opa(opa, made, short_dir) as running:
        running.until(first.revision)
        publish(store, second.content, "prod", both)
        running.until(second.revision)

    # the old key is taken out: what it signs is no longer activated, and what is active stays
    made = options(service, "prod/bundle.tar.gz", listed(new), short_dir / "kept")
    with pulling_opa(opa, made, short_dir) as running:
        running.until(second.revision)
        bundle_path(store, "prod").write_bytes(third.content)
        running.until_logged("k-old")
        assert running.active() == second.revision
