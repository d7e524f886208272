"""Where the store may be: other servers than the one of the test dependencies, a cluster, TLS, regions."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from limits_tls import certificate_for
from redis_kit import RedisServer, free_port, servers, started, until

from dataplane.limits.redis_codec import epoch_key
from dataplane.limits.redis_place import hash_slot, unfit
from dataplane.limits.redis_store import RedisStore
from dataplane.limits.share import PPM, ShareOf, part
from dataplane.limits.store import Budget, Granted, Lease, Rate, Rejected, StoreUnavailable

MINUTE_US = 60_000_000
RATE = Rate(cell="rate", amount=10, period_us=MINUTE_US, burst=4)
MONEY = Budget(cell="money", amount=100, period_us=MINUTE_US, per="minute", calendar=False)
PLACES = Lease(cell="places", amount=2)


@pytest.mark.parametrize("program", servers())
def test_each_server_that_is_installed_here_counts_alike(short_dir: Path, program: str) -> None:
    server = RedisServer(short_dir, program=program).start()

    async def main() -> None:
        async with started(server.url) as one:
            answers = [await one.reserve(str(n), "t", [RATE, MONEY, PLACES], [1, 40, 1]) for n in range(3)]
            assert [isinstance(answer, Granted) for answer in answers] == [True, True, False]
            assert list(answers[2].remaining) == [2, 20, 0]

    try:
        asyncio.run(main())
    finally:
        server.kill()


def test_in_a_cluster_a_tenant_is_in_one_slot_and_its_limits_hold(short_dir: Path) -> None:
    port = free_port()
    options = ("--port", str(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes")
    server = RedisServer(short_dir, *options).start()
    server.ask("CLUSTER", "ADDSLOTS", *range(16_384))

    async def main() -> None:
        async def ok() -> bool:
            return b"cluster_state:ok" in _text(server.ask("CLUSTER", "INFO"))

        await until(ok)
        async with started(f"redis://127.0.0.1:{port}", cluster=True) as one:
            assert one.up
            for tenant in ("acme", "globex", "initech", "umbrella"):
                answers = [await one.reserve(f"{tenant}{n}", tenant, [PLACES], [1]) for n in range(3)]
                assert [isinstance(answer, Granted) for answer in answers] == [True, True, False]
                assert isinstance(answers[0], Granted)
                one.settle(answers[0], tenant, [PLACES], [1], [1])
                assert isinstance(await one.reserve(f"{tenant}x", tenant, [PLACES], [1]), Granted)
        used = {name.split("}")[0] for name in server.names("rg:*:lease:*")}
        assert len(used) > 1, "tenants are spread over the slots"
        slot = server.ask("CLUSTER", "KEYSLOT", epoch_key(3))
        assert slot == hash_slot(epoch_key(3))

    try:
        asyncio.run(main())
    finally:
        server.kill()


@asynccontextmanager
async def cluster_of(folder: Path, nodes: int) -> AsyncIterator[list[tuple[int, RedisServer]]]:
    """That many primaries on loopback, the slots shared out in order."""
    made: list[tuple[int, RedisServer]] = []
    try:
        for number in range(nodes):
            port = free_port()
            options = ("--port", str(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes")
            own = ("--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no")
            own += ("--cluster-config-file", f"nodes{number}.conf")
            made.append((port, RedisServer(folder, *options, *own, name=f"n{number}").start()))
        for number, (_, server) in enumerate(made):
            first, end = (16_384 * at // nodes for at in (number, number + 1))
            server.ask("CLUSTER", "ADDSLOTS", *range(first, end))
            server.ask("CLUSTER", "MEET", "127.0.0.1", made[0][0])

        def agreed() -> bool:
            told = [server.ask("CLUSTER", "SLOTS") for _, server in made]
            return all(len(slots) == nodes for slots in told)

        await until(agreed, 30)
        yield made
    finally:
        for _, server in made:
            server.kill()


@pytest.mark.parametrize("gone", ["ended", "hangs"])
def test_in_a_cluster_of_several_nodes_each_tenant_is_counted_by_its_own_and_outlives_the_others(
    short_dir: Path, gone: str
) -> None:
    async def taken(one: RedisStore, tenant: str) -> list[bool]:
        answers = [await one.reserve(f"{tenant}{n}", tenant, [PLACES], [1]) for n in range(3)]
        for answer in answers:
            if isinstance(answer, Granted):
                one.settle(answer, tenant, [PLACES], [1], [1])
        return [isinstance(answer, Granted) for answer in answers]

    async def main() -> None:
        tenants = [f"tenant-{number}" for number in range(12)]
        async with (
            cluster_of(short_dir, 3) as nodes,
            started(f"redis://127.0.0.1:{nodes[0][0]}", cluster=True) as one,
        ):
            for tenant in tenants:
                assert await taken(one, tenant) == [True, True, False]
            held = [set(server.names("rg:*")) for _, server in nodes]
            assert all(held), "every node counts"

            # The node that the settings name is gone: its tenants are refused, the others' are not, even
            # where a connection has to be made anew.
            (nodes[0][1].kill if gone == "ended" else nodes[0][1].freeze)()
            await until(lambda: not one.up)
            for _, server in nodes[1:]:
                server.ask("CLIENT", "KILL", "TYPE", "normal")

            async def outcomes() -> set[str]:
                found = set()
                for number, tenant in enumerate(tenants):
                    try:
                        await one.reserve(f"later{number}", tenant, [RATE], [1])
                        found.add("counted")
                    except StoreUnavailable:
                        found.add("refused")
                return found

            async def some_again() -> bool:
                return await outcomes() == {"counted", "refused"}

            await until(some_again)
            (nodes[0][1].start if gone == "ended" else nodes[0][1].thaw)()
            await until(lambda: one.up, 30)
            assert await outcomes() == {"counted"}

    asyncio.run(main())


def _text(answer: object) -> bytes:
    return answer if isinstance(answer, bytes) else repr(answer).replace("'", "").replace(": ", ":").encode()


@asynccontextmanager
async def tls_in_front(server: RedisServer, certificate: ssl.SSLContext) -> AsyncIterator[int]:
    """A port that takes TLS and hands on to a server that does not."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        its_reader, its_writer = await asyncio.open_unix_connection(str(server.socket))
        both = (copy(reader, its_writer), copy(its_reader, writer))
        await asyncio.gather(*both, return_exceptions=True)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificate)
    try:
        yield int(listener.sockets[0].getsockname()[1])
    finally:
        listener.close()


def test_over_tls_only_a_server_with_a_certificate_of_the_authority_is_used(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    ca, context = certificate_for("127.0.0.1", tmp_path)
    other, _ = certificate_for("127.0.0.1", tmp_path / "other")

    async def main() -> None:
        async with tls_in_front(redis_server, context) as port:
            async with started(f"rediss://127.0.0.1:{port}", ca_file=str(ca)) as one:
                assert isinstance(await one.reserve("x", "t", [PLACES], [1]), Granted)
            stranger = started(f"rediss://127.0.0.1:{port}", ca_file=str(other))
            entering = asyncio.create_task(stranger.__aenter__())
            await asyncio.sleep(0)
            done, _ = await asyncio.wait([entering], timeout=0.5)
            assert not done, "it waits for a server that it may trust"
            entering.cancel()
            await asyncio.gather(entering, return_exceptions=True)

    asyncio.run(main())


def test_two_regions_that_share_a_limit_never_pass_it_together(
    redis_server: RedisServer, own_redis: RedisServer
) -> None:
    async def main() -> None:
        async with started(redis_server.url) as west, started(own_redis.url) as east:
            regions = [ShareOf(west, 700_000), ShareOf(east, 300_000)]
            rates, money, places = 0, 0, 0
            for number in range(60):
                for region in regions:
                    name = f"{number}"
                    rates += isinstance(await region.reserve(f"r{name}", "t", [RATE], [1]), Granted)
                    money += 3 * isinstance(await region.reserve(f"m{name}", "t", [MONEY], [3]), Granted)
                    places += isinstance(await region.reserve(f"p{name}", "t", [PLACES], [1]), Granted)
            assert rates <= RATE.burst
            assert 93 <= money <= MONEY.amount
            assert places == 1, "of two places 0.7 and 0.3 are one and none"

    asyncio.run(main())


def test_parts_are_rounded_down_and_a_rate_without_a_whole_call_admits_none(
    redis_server: RedisServer,
) -> None:
    assert part(RATE, 1, 3) == Rate(cell="rate", amount=3, period_us=MINUTE_US, burst=1)
    assert part(RATE, 1, 11) is None
    assert sum((part(MONEY, ppm, PPM) or MONEY).amount for ppm in (333_333, 333_333, 333_334)) <= 100

    async def main() -> None:
        async with started(redis_server.url) as one:
            answer = await ShareOf(one, 50_000).reserve("x", "t", [MONEY, RATE], [1, 1])
            assert isinstance(answer, Rejected)
            assert (answer.index, answer.wait_us) == (1, None)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("info", "usable"),
    [
        ({"run_id": "0123456789abcdef"}, True),
        ({"run_id": "0123456789abcdef", "maxmemory": "5", "maxmemory_policy": "noeviction"}, True),
        ({"run_id": "0123456789abcdef", "maxmemory": "0", "maxmemory_policy": "allkeys-lru"}, True),
        ({"run_id": "0123456789abcdef", "maxmemory": "5", "maxmemory_policy": "allkeys-lru"}, False),
        ({"run_id": "0123456789abcdef", "role": "slave"}, False),
        ({"run_id": "0123456789abcdef", "loading": "1"}, False),
        ({"run_id": "x y"}, False),
        ({}, False),
    ],
)
def test_a_server_that_would_forget_or_takes_no_writes_is_unfit(info: dict[str, str], usable: bool) -> None:
    assert (unfit(info) is None) == usable
