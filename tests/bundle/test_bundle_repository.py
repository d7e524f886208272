"""This repository's own channel files."""

import asyncio
import shutil
from pathlib import Path

import pytest

from dataplane.bundle.errors import PinRefused
from dataplane.bundle.git import repository
from dataplane.bundle.pins import channels, read_channel
from dataplane.bundle.rebuild import rebuild
from dataplane.shipped import shipped

ROOT = Path(__file__).resolve().parents[2]
BUNDLES = ROOT / "bundles"


def test_the_channels_are_dev_staging_and_prod_in_this_order() -> None:
    assert channels(BUNDLES) == ("dev", "staging", "prod")
    assert [read_channel(BUNDLES, name).after for name in channels(BUNDLES)] == [None, "dev", "staging"]


def test_no_private_key_lies_beside_them() -> None:
    for path in BUNDLES.rglob("*"):
        assert not path.is_file() or b"PRIVATE KEY" not in path.read_bytes(), path


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_what_a_channel_pins_can_be_built_again(name: str, opa: Path) -> None:
    channel = read_channel(BUNDLES, name)
    if channel.pin is None:
        pytest.skip(f"{name} pins nothing yet")
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")

    async def build() -> str:
        found = await repository(BUNDLES)
        try:
            await found.resolve(channel.pin.commit if channel.pin else "")
        except PinRefused as error:
            pytest.skip(f"a clone without its history: {error}")
        _, bundle = await rebuild(found, channel, opa, shipped("opa/capabilities.json"))
        return bundle.digest

    assert asyncio.run(build()) == channel.pin.digest
