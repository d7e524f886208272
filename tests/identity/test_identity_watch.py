"""The gateway's own look at its keys: metrics, and a log line a day for what needs attention."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from key_house import DAY_US, House, lived
from prometheus_client import CollectorRegistry

from dataplane.config import KeySettings
from dataplane.identity.watch import MAX_LINES, KeyWatch


def test_keys_are_counted_and_told_once_a_day(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "regogate.keys")

    async def story(house: House) -> None:
        registry = CollectorRegistry()
        _, row = await house.store.create("support", lifetime_us=10 * DAY_US)
        _, gone = await house.store.create("support")
        await house.store.revoke(gone.id)
        keys = await house.authenticator(refresh_s=3600.0)
        watch = KeyWatch(keys.snapshot, KeySettings(), registry, clock_us=lambda: house.us)

        def metric(name: str, **labels: str) -> float | None:
            return registry.get_sample_value(name, labels)

        await watch.look()
        await watch.look()
        assert metric("regogate_api_keys", state="active") == 1
        assert metric("regogate_api_keys", state="revoked") == 1
        assert metric("regogate_api_key_findings", finding="ending") == 1
        assert metric("regogate_api_key_findings", finding="old") == 0
        age_s = metric("regogate_api_keys_age_seconds")
        assert age_s is not None
        assert age_s < 30
        [line] = caplog.records
        assert line.__dict__["key_id"] == row.id
        assert (line.__dict__["finding"], line.__dict__["client"]) == ("ending", "support")
        house.us += DAY_US
        await watch.look()
        assert len(caplog.records) == 2
        watch.refused("revoked")
        assert metric("regogate_api_key_refusals_total", why="revoked") == 1

    lived(tmp_path, story)


def test_many_findings_do_not_fill_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "regogate.keys")

    async def story(house: House) -> None:
        for _ in range(MAX_LINES + 5):
            await house.store.create("support", lifetime_us=DAY_US)
        keys = await house.authenticator(refresh_s=3600.0)
        await KeyWatch(keys.snapshot, KeySettings(), CollectorRegistry(), clock_us=lambda: house.us).look()
        assert len(caplog.records) == MAX_LINES + 1
        assert caplog.records[-1].__dict__["count"] == 5

    lived(tmp_path, story)
