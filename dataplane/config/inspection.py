"""What may judge texts beside the gateway's own detectors. Whether it does, policy says."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from dataplane.config.base import FilePath, Name, SecretRef, Section, Url, is_loopback_url


class AdvisorSettings(Section):
    """A moderation service of OpenAI's shape, remote or on this machine."""

    kind: Literal["moderation"] = "moderation"
    base_url: Url
    key: SecretRef | None = None
    model: str | None = Field(default=None, min_length=1, max_length=200)
    timeout_ms: int = Field(default=1000, ge=10, le=30_000)
    concurrency: int = Field(default=16, ge=1, le=256)
    allow_plaintext: bool = False
    ca_file: FilePath | None = None

    @model_validator(mode="after")
    def _private(self) -> AdvisorSettings:
        plain = self.base_url.startswith("http://")
        if plain and not self.allow_plaintext and not is_loopback_url(self.base_url):
            raise ValueError("plain http only to loopback, or with allow_plaintext: true on this advisor")
        return self


class InspectionSettings(Section):
    """The advisors there are, by the names that `detectors.yaml` calls them."""

    advisors: dict[Name, AdvisorSettings] = Field(default_factory=dict)
