"""Sets one value in the text of a table and leaves every other character, comments too, as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from dataplane.authoring.presets import PresetRefused

_PLAIN: Final = re.compile(
    r"(?!(?:y|n|yes|no|on|off|true|false|null)\Z)[a-zA-Z][a-zA-Z0-9_.-]*\*?\Z", re.IGNORECASE
)
"""Text that every YAML reader takes for text without quotes, in a list as well."""


def with_value(text: str, path: tuple[str, ...], value: Any, file: str) -> str:
    """The text with `value` at `path`; what is not there yet on the way is added.

    Raises `PresetRefused` for a form that cannot be edited so; `file` is for that message. The caller checks
    that the result reads as it should.
    """
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        raise PresetRefused(f"{file} is not valid YAML; see 'regogate policy check'") from None
    if root is None or (isinstance(root, yaml.MappingNode) and not root.value):
        return _first(text, root, path, value)
    node = root
    for depth, key in enumerate(path):
        if not isinstance(node, yaml.MappingNode):
            raise PresetRefused(f"{file}: {'.'.join(path[:depth])} is no mapping; write it as one")
        pair = next((one for one in node.value if one[0].value == key), None)
        if pair is None:
            return _added(text, node, key, _nested(path[depth + 1 :], value))
        node = pair[1]
        if depth == len(path) - 1:
            return _replaced(text, pair[0], node, value)
    raise PresetRefused(f"{file}: nothing to set")


def _first(text: str, root: Any, path: tuple[str, ...], value: Any) -> str:
    """Into a table without rows: `{}` becomes the row."""
    line = f"{_flow(path[0])}: {_flow(_nested(path[1:], value))}"
    if root is None:
        return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{line}\n"
    return text[: root.start_mark.index] + line + text[root.end_mark.index :]


def _added(text: str, node: Any, key: str, value: Any) -> str:
    entry = f"{_flow(key)}: {_flow(value)}"
    if node.flow_style:
        if not node.value:
            return f"{text[: node.start_mark.index]}{{{entry}}}{text[node.end_mark.index :]}"
        end = _end(node.value[-1][1])
        return f"{text[:end]}, {entry}{text[end:]}"
    end = text.find("\n", _end(node.value[-1][1]))
    end = len(text) if end < 0 else end
    return f"{text[:end]}\n{' ' * node.value[0][0].start_mark.column}{entry}{text[end:] or chr(10)}"


def _replaced(text: str, key: Any, node: Any, value: Any) -> str:
    if isinstance(node, yaml.ScalarNode) or node.flow_style:
        return text[: node.start_mark.index] + _flow(value) + text[node.end_mark.index :]
    return f"{text[: key.end_mark.index]}: {_flow(value)}{text[_end(node) :]}"


def _end(node: Any) -> int:
    """Where a node's text ends. A block's own mark stands behind the comments that follow it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        return _end(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        return _end(node.value[-1])
    return int(node.end_mark.index)


def _nested(path: tuple[str, ...], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _flow(value: Any) -> str:
    """A value on one line, as every YAML reader reads it alike."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{_flow(key)}: {_flow(one)}" for key, one in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(_flow(one) for one in value) + "]"
        case str():
            return value if _PLAIN.match(value) else json.dumps(value, ensure_ascii=False)
        case _:
            return json.dumps(value)
