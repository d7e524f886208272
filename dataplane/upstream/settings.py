"""The settings of one upstream -> its provider."""

from __future__ import annotations

from dataplane.config import UpstreamSettings
from dataplane.upstream.openai_compatible import OpenAICompatible
from dataplane.upstream.secret import Secret
from dataplane.upstream.transport import UpstreamSpec


def openai_provider(name: str, settings: UpstreamSettings) -> OpenAICompatible:
    """A provider of kind `openai`. Raises `ConfigError`; the key is read when it is first needed."""
    return OpenAICompatible(upstream_spec(name, settings))


def upstream_spec(name: str, settings: UpstreamSettings) -> UpstreamSpec:
    """The address and limits of an upstream that has a `base_url`. Raises `ConfigError`."""
    assert settings.base_url is not None  # the settings saw to it
    return UpstreamSpec(
        name=name,
        base_url=settings.base_url,
        key=None if settings.key is None else Secret(settings.key.read),
        models=settings.models,
        connect_timeout_s=settings.connect_timeout_s,
        head_timeout_s=settings.head_timeout_s,
        idle_timeout_s=settings.idle_timeout_s,
        ca_file=settings.ca_file,
        allow_plaintext=settings.allow_plaintext,
    )
