"""Whatever a document or a file holds, it is settings or an error that tells what is wrong."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataplane.config import (
    Settings,
    build,
    load,
    unreadable,
)
from dataplane.errors import ConfigError

BASE = Path("/etc/regogate")

KEYS = """server bind tls cert key policy opa path bundle url keys token audit database upstreams a base_url
models data_dir file env trusted_proxies zz"""
keys = st.sampled_from(["", *KEYS.split()])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["h:1", "http://[", "openai"]),
)
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=20,
)


def made(raw: Any) -> Settings | ConfigError:
    try:
        return build(raw, BASE)
    except ConfigError as error:
        return error


@settings(max_examples=60)
@given(documents)
def test_whatever_the_document_says_it_is_settings_or_a_config_error(raw: Any) -> None:
    match made(raw):
        case ConfigError(problems=told):
            assert told
            assert all(problem and "\n" not in problem for problem in told)
        case Settings() as built:
            unreadable(built)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.one_of(st.text(max_size=40), documents.map(lambda raw: yaml.safe_dump(raw))))
def test_whatever_the_file_says_it_is_settings_or_a_config_error(tmp_path: Path, text: str) -> None:
    config = tmp_path / "f.yaml"
    config.write_bytes(text.encode("utf-8", "replace"))
    with contextlib.suppress(ConfigError):
        load(config, ["telemetry.log_level=info"])
