"""YAML that has one meaning: what could be read in two ways, or expand, is an error with its place."""

from __future__ import annotations

import re
from typing import Any

import yaml

from dataplane.errors import ConfigError

_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")


class _StrictLoader(yaml.SafeLoader):
    """YAML with string keys, no key twice, no tags, no aliases (which can expand without bound)."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        fault = None
        if isinstance(event, yaml.AliasEvent):
            fault = "aliases are not allowed"
        elif getattr(event, "tag", None) is not None:
            fault = "tags are not allowed"
        elif isinstance(event, yaml.ScalarEvent) and _NO_TEXT.search(event.value):
            fault = "holds a character that is no text"
        if fault is not None:
            raise yaml.MarkedYAMLError(None, None, fault, event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise yaml.MarkedYAMLError(None, None, "keys must be strings", key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(None, None, f"key {key.value!r} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=True)


def parse_yaml(text: str, where: str) -> Any:
    """Strict YAML; raises `ConfigError` with `where:line:column`."""
    try:
        return yaml.load(text, _StrictLoader)  # noqa: S506  a SafeLoader made stricter
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ConfigError(f"{where}{at}: {error.problem}") from None
    except RecursionError:
        raise ConfigError(f"{where}: nested too deeply") from None
    except (yaml.YAMLError, ValueError, OverflowError):
        raise ConfigError(f"{where}: not YAML") from None
