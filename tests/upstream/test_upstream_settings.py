"""The settings of an upstream become its provider; its key is read when needed and shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataplane.config import SecretRef, UpstreamSettings
from dataplane.errors import ConfigError
from dataplane.upstream.settings import openai_provider, upstream_spec

BASE = "https://api.example/v1"


def test_every_setting_arrives(tmp_path: Path) -> None:
    settings = UpstreamSettings(
        base_url="http://10.0.0.1:9/v1",
        models=("gpt-4o*", "o1"),
        allow_plaintext=True,
        ca_file=tmp_path / "ca.pem",
        connect_timeout_s=1,
        head_timeout_s=2,
        idle_timeout_s=3,
    )
    provider = openai_provider("main", settings)
    assert (provider.name, provider.models) == ("main", ("gpt-4o*", "o1"))
    spec = upstream_spec("main", settings)
    assert (spec.base_url, spec.key, spec.ca_file) == (settings.base_url, None, settings.ca_file)
    assert (spec.connect_timeout_s, spec.head_timeout_s, spec.idle_timeout_s) == (1, 2, 3)
    assert spec.allow_plaintext


def test_the_key_is_read_when_it_is_needed_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "key"
    spec = upstream_spec("main", UpstreamSettings(base_url=BASE, key=SecretRef(file=path)))
    secret = spec.key
    assert secret is not None
    with pytest.raises(ConfigError, match="No such file"):
        secret.reveal()
    path.write_text("sk-4242\n")
    assert secret.reveal() == "sk-4242"
    assert "sk-4242" not in f"{spec!r} {secret!r} {secret}"


@pytest.mark.parametrize("models", [("gpt*4",), ("",), ("a", "*b")])
def test_a_pattern_that_is_none_is_refused_by_name(models: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"upstreams\.main\.models: patterns are exact or end in one \*"):
        openai_provider("main", UpstreamSettings(base_url=BASE, models=models))
