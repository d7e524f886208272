"""What settings are made of: the strict model, addresses, URLs, names, and where a secret is kept."""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from dataplane.errors import ConfigError

_SECRET_FILE_MAX_BYTES = 65_536
_URL = re.compile(
    r"https?://(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{1,5}))?"
    r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
)
_CHANNEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
"""What the build of a bundle takes for one: another name could never become active."""


class Section(BaseModel):
    """A mapping of settings: nothing but what is named, of exactly the type that is named."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, allow_inf_nan=False
    )


def split_address(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `[V6]:PORT` as a pair; port 0 asks the system for a free one."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
    return host, int(port)


def _address(text: str) -> str:
    split_address(text)
    return text


def _network(text: str) -> str:
    ipaddress.ip_network(text)
    return text


def check_url(text: str) -> str:
    """The text, where it is a URL that a setting may hold. Raises `ValueError`."""
    found = _URL.fullmatch(text)
    if found is None or int(found[2] or 0) > 65535:
        raise ValueError("must be an http:// or https:// URL without user, query or fragment")
    if found[1] is not None:
        ipaddress.IPv6Address(found[1])
    return text


def _channel(text: str) -> str:
    if not _CHANNEL.fullmatch(text):
        raise ValueError("must be 1 to 64 of a-z, 0-9 and inner hyphens")
    return text


def is_loopback_url(url: str) -> bool:
    """Whether a URL names this machine by a loopback address or `localhost`."""
    host = re.sub(r"^https?://", "", url).split("/", 1)[0]
    host = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    host = host.strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


Address = Annotated[str, AfterValidator(_address)]
Network = Annotated[str, AfterValidator(_network)]
Url = Annotated[str, AfterValidator(check_url)]
CanaryChannel = Annotated[str, AfterValidator(lambda text: text if text == "*" else _channel(text))]
FilePath = Annotated[Path, Field(strict=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Channel = Annotated[Name, AfterValidator(_channel)]


class SecretRef(Section):
    """Where a secret is kept: `{file: PATH}` or `{env: NAME}`. The value itself is never a setting."""

    file: FilePath | None = None
    env: str | None = None

    @model_validator(mode="after")
    def _one(self) -> SecretRef:
        if (self.file is None) == (self.env is None):
            raise ValueError("give exactly one of file, env")
        return self

    def read(self) -> str:
        """The secret without surrounding white space; raises `ConfigError` that names the reference only."""
        if self.env is not None:
            try:
                value = os.environ.get(self.env, "").strip()
            except ValueError:  # no variable can be named so
                value = ""
            if not value:
                raise ConfigError(f"environment variable {self.env} is not set or empty")
            return value
        assert self.file is not None
        try:
            # A pipe or device would block, or never end, each time the value is read again.
            if not stat.S_ISREG(self.file.stat().st_mode):
                raise ConfigError(f"{self.file}: is not a file")
            with self.file.open("rb") as file:
                data = file.read(_SECRET_FILE_MAX_BYTES + 1)
            value = data.decode("utf-8").strip()
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self.file}: {getattr(error, 'strerror', None) or 'not text'}") from None
        if len(data) > _SECRET_FILE_MAX_BYTES:
            raise ConfigError(f"{self.file}: too large for a secret")
        if not value:
            raise ConfigError(f"{self.file}: is empty")
        return value
