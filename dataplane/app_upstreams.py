"""Settings -> the models: every kind of upstream, and one router over those that are configured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dataplane.config import Settings, UpstreamSettings
from dataplane.demo.model import DemoModel
from dataplane.upstream.routing import Provider, Router


def _openai(name: str, settings: UpstreamSettings) -> Provider:
    # Here: its HTTP client takes a fifth of a second to import, and the embedded model needs none.
    from dataplane.upstream.settings import openai_provider

    return openai_provider(name, settings)


PROVIDERS: Final[dict[str, Callable[[str, UpstreamSettings], Provider]]] = {
    "demo": lambda name, settings: DemoModel(name, settings.models),
    "openai": _openai,
}
"""Every `kind` of upstream."""


def upstreams_of(settings: Settings) -> Router:
    """The providers of a gateway, in the order of its settings."""
    return Router([PROVIDERS[one.kind](name, one) for name, one in settings.upstreams.items()])
