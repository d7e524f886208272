"""Settings of advisors: where they are, never what they are asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataplane.config import build
from dataplane.errors import ConfigError


def settings(**advisor: Any) -> Any:
    return build({"inspection": {"advisors": {"polite": advisor}}}, Path("/nowhere")).inspection.advisors[
        "polite"
    ]


@pytest.mark.parametrize(
    ("advisor", "told"),
    [
        ({}, "base_url"),
        ({"base_url": "http://moderation.example/v1"}, "plain http only to loopback"),
        ({"base_url": "https://user:word@moderation.example/v1"}, "without user"),
        ({"base_url": "file:///etc/passwd"}, "base_url"),
        ({"base_url": "https://moderation.example/v1", "key": "sk-1"}, "key"),
        ({"base_url": "https://moderation.example/v1", "kind": "onnx"}, "kind"),
        ({"base_url": "https://moderation.example/v1", "timeout_ms": 60_000}, "timeout_ms"),
        ({"base_url": "https://moderation.example/v1", "origins": ["user"]}, "origins"),
    ],
)
def test_what_cannot_be_is_refused_by_name(advisor: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settings(**advisor)
    assert told in str(refused.value)
    assert "sk-1" not in str(refused.value)


def test_a_service_is_asked_over_https_or_on_this_machine_unless_the_settings_say_otherwise() -> None:
    assert settings(base_url="https://moderation.example/v1").timeout_ms == 1000
    assert settings(base_url="http://127.0.0.1:9000/v1").allow_plaintext is False
    assert settings(base_url="http://moderation.internal/v1", allow_plaintext=True).concurrency == 16
