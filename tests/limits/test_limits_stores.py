"""Settings -> a store: which one, how it is told of, what it does with a secret that cannot be read."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from redis_kit import QUICK, RedisServer, nothing_recorded, started, until

from dataplane.config import LimitSettings, SecretRef
from dataplane.limits.fallback import LocalWhenAway
from dataplane.limits.memory import MemoryStore
from dataplane.limits.share import ShareOf
from dataplane.limits.store import Budget, Granted, LimitStore, Rate, StoreUnavailable
from dataplane.limits.stores import limit_store

RATE = Rate(cell="rate", amount=100, period_us=60_000_000, burst=100)
MONEY = Budget(cell="money", amount=100, period_us=60_000_000, per="minute", calendar=False)


def made(settings: LimitSettings, registry: CollectorRegistry | None = None) -> LimitStore:
    return limit_store(
        settings,
        instance="gateway-1",
        commit_timeout_s=0.01,
        recount=nothing_recorded,
        registry=registry or CollectorRegistry(),
    )


def test_each_setting_has_its_store() -> None:
    assert isinstance(made(LimitSettings()), MemoryStore)
    assert isinstance(made(LimitSettings(share=0.25)), ShareOf)
    assert isinstance(made(LimitSettings(store="redis://127.0.0.1:1")), LocalWhenAway)


def test_metrics_tell_modes_causes_and_whether_it_is_up(own_redis: RedisServer) -> None:
    registry = CollectorRegistry()

    def told() -> str:
        return generate_latest(registry).decode()

    async def main() -> None:
        one = made(LimitSettings(store=own_redis.url), registry)
        assert "regogate_limit_store_up 0.0" in told()
        await one.start()
        assert "regogate_limit_store_up 1.0" in told()
        assert isinstance(await one.reserve("a", "t", [RATE], [1]), Granted)
        assert 'regogate_limit_decisions_total{mode="shared"} 1.0' in told()
        own_redis.kill()
        await until(lambda: "regogate_limit_store_up 0.0" in told())
        assert (await one.reserve("b", "t", [RATE], [1])).mode == "local"
        with pytest.raises(StoreUnavailable):
            await one.reserve("c", "t", [MONEY], [1])
        assert 'mode="local"} 1.0' in told()
        assert 'mode="closed"} 1.0' in told()
        assert 'regogate_limit_store_failures_total{cause="lost"} 1.0' in told()
        await one.close()

    asyncio.run(main())


def test_a_password_is_read_for_each_connection_and_one_that_cannot_be_read_is_no_error(
    short_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = RedisServer(short_dir, "--requirepass", "open sesame")
    server.password = "open sesame"
    server.start()
    secret = short_dir / "password"
    settings = LimitSettings(store=server.url, password=SecretRef(file=secret))

    async def main() -> None:
        one = made(settings)
        starting = asyncio.create_task(one.start())
        await until(lambda: bool(caplog.records))
        assert (await one.reserve("a", "t", [RATE], [1])).mode == "local"
        secret.write_text("open sesame\n")
        await starting
        assert (await one.reserve("b", "t", [RATE], [1])).mode == ""
        await one.close()

    try:
        asyncio.run(main())
    finally:
        server.kill()
    assert "sesame" not in caplog.text
    assert all("sesame" not in repr(record.__dict__) for record in caplog.records)


def test_a_process_that_was_busy_itself_does_not_take_the_store_for_slow(redis_server: RedisServer) -> None:
    async def main() -> None:
        timing = replace(QUICK, deadline_s=0.2)
        async with started(redis_server.url, timing=timing) as one:
            asking = [asyncio.create_task(one.reserve(str(n), "t", [RATE], [1])) for n in range(20)]
            for _ in range(3):
                await asyncio.sleep(0)
                time.sleep(timing.deadline_s * 1.2)  # noqa: ASYNC251  what is tested
            assert all(isinstance(answer, Granted) for answer in await asyncio.gather(*asking))
            assert one.failures()["timeout"] == 0

    asyncio.run(main())
