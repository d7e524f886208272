"""Settings of who calls: API keys and their age, issuers of tokens, client certificates."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from dataplane.config.base import Section
from dataplane.config.jwt import JwtIssuer, each_once
from dataplane.config.mtls import MtlsSettings


class KeySettings(Section):
    """How long API keys may be used. Days and seconds; 0 days means no maximum age."""

    max_age_days: int = Field(default=90, ge=0, le=36_500)
    warn_days: int = Field(default=14, ge=0, le=3_650)
    unused_days: int = Field(default=30, ge=1, le=3_650)
    max_stale_s: int = Field(default=900, ge=60, le=86_400)

    @model_validator(mode="after")
    def _warned_in_time(self) -> KeySettings:
        if 0 < self.max_age_days <= self.warn_days:
            raise ValueError(
                "warn_days must be less than max_age_days, else every key is always warned about"
            )
        return self


class IdentitySettings(Section):
    """How callers prove who they are."""

    api_keys: bool = True
    keys: KeySettings = KeySettings()
    jwt: Annotated[tuple[JwtIssuer, ...], AfterValidator(each_once)] = Field(default=(), strict=False)
    mtls: MtlsSettings | None = None
