"""The smallest value that fits a JSON schema, as arguments of a tool call."""

from __future__ import annotations

import math
from typing import Any, Final

_MAX_DEPTH: Final = 8
_MAX_VALUES: Final = 200
_MAX_ITEMS: Final = 8
"""A schema that is deep, wide or refers to itself ends in nulls: it must not make a huge answer."""


def placeholder(schema: Any) -> Any:
    """A deterministic value for `schema`: required properties only, first choices, smallest numbers.

    Understands const, default, enum, examples, type, properties, required, items, minItems, minLength,
    minimum, exclusiveMinimum, maximum, anyOf, oneOf, allOf and local `$ref`, and ignores the rest. At
    most 200 values, eight deep; where the bounds end it, null stands.
    """
    return _Filler(schema).fill(schema, 0)


class _Filler:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = _MAX_VALUES

    def fill(self, schema: Any, depth: int) -> Any:
        self._left -= 1
        if not isinstance(schema, dict) or depth > _MAX_DEPTH or self._left < 0:
            return None
        for name in ("const", "default"):
            if name in schema:
                return schema[name]
        for name in ("enum", "examples"):
            if isinstance(choices := schema.get(name), list) and choices:
                return choices[0]
        if isinstance(reference := schema.get("$ref"), str):
            return self.fill(self._resolve(reference), depth + 1)
        for name in ("anyOf", "oneOf", "allOf"):
            if isinstance(choices := schema.get(name), list) and choices:
                return self.fill(choices[0], depth + 1)
        match _type_of(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                count = _count(schema.get("minItems"))
                return [self.fill(schema.get("items"), depth + 1) for _ in range(count)]
            case "string":
                return "demo".ljust(_count(schema.get("minLength")), "o")
            case "integer":
                return math.ceil(_number(schema))
            case "number":
                return _number(schema)
            case "boolean":
                return True
            case _:
                return None

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        required = schema.get("required")
        if not isinstance(properties, dict) or not isinstance(required, list):
            return {}
        names = [name for name in required[:_MAX_VALUES] if isinstance(name, str)]
        return {name: self.fill(properties.get(name), depth + 1) for name in names}

    def _resolve(self, reference: str) -> Any:
        """The schema at a local JSON pointer such as `#/$defs/place`; None where there is none."""
        if not reference.startswith("#/"):
            return self._root if reference == "#" else None
        node = self._root
        for part in reference[2:].split("/"):
            node = node.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
        return node


def _type_of(schema: dict[str, Any]) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    return "object" if kind is None and "properties" in schema else kind


def _count(value: Any) -> int:
    return min(max(value, 0), _MAX_ITEMS) if type(value) is int else 0


def _number(schema: dict[str, Any]) -> int | float:
    """1, moved into the bounds that are given."""
    value: int | float = 1
    if (least := _bound(schema, "minimum")) is not None:
        value = max(value, least)
    if (above := _bound(schema, "exclusiveMinimum")) is not None and value <= above:
        value = above + 1
    if (most := _bound(schema, "maximum")) is not None:
        value = min(value, most)
    return value


def _bound(schema: dict[str, Any], name: str) -> int | float | None:
    value = schema.get(name)
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if number else None
