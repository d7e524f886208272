"""Puts what is not Python into the wheel: policies, Regal's settings, migrations, OPA pins.

An editable install uses the checkout's.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShippedFiles(BuildHookInterface):  # type: ignore[type-arg]
    """Adds `dataplane/_shipped/` to built wheels only."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by the build backend with version `standard` or `editable`."""
        if version == "standard":
            for folder in ("policies", "migrations", "opa", ".regal"):
                build_data["force_include"][folder] = f"dataplane/_shipped/{folder}"
