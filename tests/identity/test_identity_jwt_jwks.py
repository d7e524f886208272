"""Keys in memory: fetched once for many callers, seldom for forgers, kept while the issuer is down."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jwt_kit import Endpoint, jwks

from dataplane.identity.jwt_fetch import Fetcher, FetchFailed
from dataplane.identity.jwt_jwks import MAX_WAITING, DiscoveredKeys, FileKeys, KeyCache, UrlKeys
from dataplane.identity.jwt_keys import KeySet
from tests.server.server_certs import Authority

FETCHER = Fetcher(ca_file=None, allow_plaintext=False, timeout_s=1.0)


@pytest.fixture
def idp() -> Iterator[Endpoint]:
    with Endpoint().running() as endpoint:
        yield endpoint


class Source:
    """A key source that is counted, can fail, and can be held."""

    def __init__(self, *names: str) -> None:
        self.data = jwks(*names)
        self.reads = 0
        self.down = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def read(self) -> bytes:
        self.reads += 1
        await self.gate.wait()
        if self.down:
            raise FetchFailed("it cannot be reached")
        return self.data


class Monotonic:
    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


def with_cache(
    work: Callable[[KeyCache, Source, Monotonic], Awaitable[None]],
    *names: str,
    refresh_s: float = 10.0,
    max_age_s: float = 3600.0,
) -> None:
    async def run() -> None:
        source, clock = Source(*names or ("rsa-1",)), Monotonic()
        cache = KeyCache(source, issuer="idp", max_age_s=max_age_s, refresh_s=refresh_s, clock_s=clock)
        await cache.start()
        try:
            await work(cache, source, clock)
        finally:
            await cache.close()

    asyncio.run(run())


def ids(keys: KeySet | None) -> list[str]:
    assert keys is not None
    return list(keys.by_kid)


def test_many_callers_with_a_new_key_share_one_fetch() -> None:
    async def work(cache: KeyCache, source: Source, clock: Monotonic) -> None:
        old = cache.current
        source.data = jwks("rsa-1", "rsa-2")
        source.gate.clear()
        waiting = [asyncio.create_task(cache.newer(old, "x")) for _ in range(100)]
        await asyncio.sleep(0)
        source.gate.set()
        assert {tuple(ids(keys)) for keys in await asyncio.gather(*waiting)} == {("rsa-1", "rsa-2")}
        assert source.reads == 2

    with_cache(work)


def test_forged_ids_cost_one_fetch_in_the_interval_and_no_waiting() -> None:
    async def work(cache: KeyCache, source: Source, clock: Monotonic) -> None:
        for _ in range(50):
            assert await cache.newer(cache.current, "x") is cache.current
        assert source.reads == 2
        clock.s += 10
        for _ in range(50):
            await cache.newer(cache.current, "x")
        assert source.reads == 3

    with_cache(work)


def test_an_issuer_that_changes_keys_twice_in_the_interval_refuses_nobody() -> None:
    """The second caller waits until the next look is due."""

    async def work(cache: KeyCache, source: Source, clock: Monotonic) -> None:
        source.data = jwks("rsa-2")
        assert ids(await cache.newer(cache.current, "x")) == ["rsa-2"]
        source.data = jwks("p256-1")
        waiting = asyncio.create_task(cache.newer(cache.current, "x"))
        done, _ = await asyncio.wait({waiting}, timeout=0.1)
        assert not done
        assert source.reads == 2
        assert ids(await waiting) == ["p256-1"]
        assert source.reads == 3

    with_cache(work, refresh_s=0.3)


def test_forged_ids_do_not_shut_out_a_key_that_is_new() -> None:
    """An id like the issuer's waits for the next look; one that was looked for, or is like none, does not."""

    async def work(cache: KeyCache, source: Source, clock: Monotonic) -> None:
        for kid in ("rsa-7", "rsa-7", "../../etc/passwd", "rsa 8", "rsa-1000"):
            assert await cache.newer(cache.current, kid) is cache.current
        assert source.reads == 2
        source.data = jwks("rsa-1", "rsa-2")
        waiting = asyncio.create_task(cache.newer(cache.current, "rsa-2"))
        await asyncio.sleep(0.02)
        assert await asyncio.wait_for(cache.newer(cache.current, "forged"), 0.1) is cache.current
        assert not waiting.done()
        assert ids(await waiting) == ["rsa-1", "rsa-2"]
        assert source.reads == 3

    with_cache(work, refresh_s=0.5)


def test_keys_that_changed_meanwhile_are_given_at_once() -> None:
    async def work(cache: KeyCache, source: Source, clock: Monotonic) -> None:
        old = cache.current
        source.data = jwks("rsa-2")
        await cache.newer(old, "x")
        assert ids(await cache.newer(old, "x")) == ["rsa-2"]
        assert source.reads == 2

    with_cache(work)


def test_old_keys_count_while_the_source_is_down_up_to_their_age_limit() -> None:
    async def work(cache: KeyCache, source: Source, clock: Monotonic) -> None:
        source.down = True
        clock.s += 3599
        assert ids(await cache.newer(cache.current, "x")) == ["rsa-1"]
        assert cache.failure == "it cannot be reached"
        assert cache.age_s == 3599
        clock.s += 1
        assert cache.current is None
        source.down = False
        clock.s += 10
        assert ids(await cache.newer(None, "x")) == ["rsa-1"]
        assert cache.failure is None

    with_cache(work)


def test_the_log_tells_once_that_keys_cannot_be_had_and_that_they_can(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "regogate.identity")

    async def work(cache: KeyCache, source: Source, clock: Monotonic) -> None:
        for source.down in (True, True, False, False):
            clock.s += 10
            await cache.newer(cache.current, "x")

    with_cache(work)
    told = [(record.levelname, getattr(record, "issuer", None)) for record in caplog.records]
    assert told == [("WARNING", "idp"), ("INFO", "idp")]


def test_a_set_that_must_not_be_trusted_replaces_nothing() -> None:
    async def work(cache: KeyCache, source: Source, clock: Monotonic) -> None:
        source.data = b'{"keys": []}'
        assert ids(await cache.newer(cache.current, "x")) == ["rsa-1"]
        assert cache.failure == "the key set has no usable key"

    with_cache(work)


def test_a_withdrawn_key_counts_no_more() -> None:
    async def work(cache: KeyCache, source: Source, clock: Monotonic) -> None:
        source.data = jwks("rsa-2")
        assert ids(await cache.newer(cache.current, "x")) == ["rsa-2"]

    with_cache(work, "rsa-1", "rsa-2")


def test_the_same_bytes_are_the_same_keys() -> None:
    async def work(cache: KeyCache, source: Source, clock: Monotonic) -> None:
        before = cache.current
        await cache.newer(before, "x")
        assert source.reads == 2
        assert cache.current is before

    with_cache(work)


def test_waiting_is_bounded() -> None:
    async def work(cache: KeyCache, source: Source, clock: Monotonic) -> None:
        source.gate.clear()
        old = cache.current
        waiting = [asyncio.create_task(cache.newer(old, "x")) for _ in range(MAX_WAITING)]
        await asyncio.sleep(0)
        assert await cache.newer(old, "x") is old
        waiting[0].cancel()
        source.gate.set()
        await asyncio.wait(waiting)
        assert waiting[1].result() is old

    with_cache(work)


def test_keys_are_looked_for_in_the_background() -> None:
    async def work(cache: KeyCache, source: Source, clock: Monotonic) -> None:
        source.data = jwks("rsa-2")
        async with asyncio.timeout(5):
            while ids(cache.current) != ["rsa-2"]:
                await asyncio.sleep(0.01)

    with_cache(work, max_age_s=0.2)


# --- where they come from -------------------------------------------------------------------------


def read(source: Any) -> bytes:
    async def run() -> bytes:
        return bytes(await source.read())

    return asyncio.run(run())


def test_a_file_is_read_anew_when_it_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    with pytest.raises(FetchFailed, match="No such file"):
        read(FileKeys(file))
    file.write_bytes(jwks("rsa-1"))
    assert read(FileKeys(file)) == jwks("rsa-1")


def test_discovery_is_followed_to_the_keys(idp: Endpoint) -> None:
    keys = idp.serve("/keys", jwks("rsa-1"))
    document = f'{{"issuer": "{idp.url}/realm", "jwks_uri": "{keys}"}}'
    idp.serve("/realm/.well-known/openid-configuration", document.encode())
    assert read(DiscoveredKeys(FETCHER, f"{idp.url}/realm")) == jwks("rsa-1")
    assert idp.asked == ["/realm/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize(
    "document",
    [
        '{"issuer": "https://other.example", "jwks_uri": "URL/keys"}',
        '{"issuer": "URL/", "jwks_uri": "URL/keys"}',
        '{"issuer": "URL"}',
        '{"issuer": "URL", "jwks_uri": "http://192.0.2.1/keys"}',
        '{"issuer": "URL", "jwks_uri": "http://127.0.0.1@192.0.2.1/keys"}',
        '{"issuer": "URL", "jwks_uri": "file:///etc/passwd"}',
        '{"issuer": "URL", "jwks_uri": "//192.0.2.1"}',
        '{"issuer": "URL", "issuer": "URL", "jwks_uri": "URL/keys"}',
        "[]",
    ],
)
def test_a_document_that_is_not_the_issuers_own_is_refused(idp: Endpoint, document: str) -> None:
    idp.serve("/keys", jwks("rsa-1"))
    idp.serve("/.well-known/openid-configuration", document.replace("URL", idp.url).encode())
    with pytest.raises(FetchFailed):
        read(DiscoveredKeys(FETCHER, idp.url))
    assert "/keys" not in idp.asked


def test_redirects_errors_large_and_late_answers_are_no_answers(idp: Endpoint) -> None:
    idp.serve("/moved", b"", 302, location=idp.serve("/keys", jwks("rsa-1")))
    idp.serve("/broken", b"", 500)
    idp.serve("/large", b" " * 600_000)
    for path, said in (("moved", "302"), ("broken", "500"), ("large", "too large"), ("none", "404")):
        with pytest.raises(FetchFailed, match=said):
            read(UrlKeys(FETCHER, f"{idp.url}/{path}"))
    assert "/keys" not in idp.asked
    idp.hold.clear()
    with pytest.raises(FetchFailed, match=r"within 0\.2 s"):
        read(UrlKeys(Fetcher(ca_file=None, allow_plaintext=False, timeout_s=0.2), f"{idp.url}/keys"))


def test_an_issuer_is_believed_by_the_authorities_of_its_entry_alone(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path / "ours", "ours"), Authority(tmp_path / "other", "other")
    server = ours.issue("idp")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.cert, server.key)
    with Endpoint(context).running() as idp:
        url = idp.serve("/keys", jwks("rsa-1"))
        assert read(UrlKeys(Fetcher(ca_file=ours.cert, allow_plaintext=False), url)) == jwks("rsa-1")
        for ca_file in (other.cert, None):
            with pytest.raises(FetchFailed, match="cannot be reached"):
                read(UrlKeys(Fetcher(ca_file=ca_file, allow_plaintext=False), url))


def test_nobody_there_is_told_without_detail() -> None:
    with Endpoint().running() as gone:
        url = gone.url
    with pytest.raises(FetchFailed, match="cannot be reached"):
        read(UrlKeys(FETCHER, f"{url}/keys"))
