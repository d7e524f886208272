"""A configuration file -> `Settings`, with every problem at once."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError

from dataplane.config.base import SecretRef
from dataplane.config.settings import AuditSettings, Settings
from dataplane.config.yaml_text import parse_yaml
from dataplane.errors import ConfigError

_WANTED: Final = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
"""What a value of the wrong type must be, by pydantic's name of the problem: its own words are of Python."""


def _keys_at(path: tuple[str | int, ...]) -> list[str]:
    """The keys allowed at a dotted path of `Settings`."""
    model: type[BaseModel] = Settings
    parts = iter(path)
    for part in parts:
        kinds = _kinds(model.model_fields[str(part)].annotation)
        inner = _model_in(kinds)
        if inner is None:
            return []
        model = inner
        if dict in kinds or tuple in kinds:
            next(parts, None)  # the NAME in upstreams.NAME, the number in identity.jwt.0
    return list(model.model_fields)


def _explain(error: ValidationError) -> list[str]:
    problems = []
    for item in error.errors(include_url=False, include_input=False):
        path = tuple(part for part in item["loc"] if part != "[key]")
        dotted = ".".join(str(part) for part in path) or "(top level)"
        match item["type"]:
            case "extra_forbidden":
                allowed = _keys_at(path[:-1])
                near = difflib.get_close_matches(str(path[-1]), allowed, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                problems.append(f"{dotted}: unknown key{hint} (allowed here: {', '.join(allowed)})")
            case "literal_error":
                problems.append(f"{dotted}: must be {item['ctx']['expected']}")
            case kind if kind in _WANTED:
                problems.append(f"{dotted}: must be {_WANTED[kind]}")
            case _:
                message = item["msg"].removeprefix("Value error, ")
                problems.append(f"{dotted}: {message[:1].lower()}{message[1:]}")
    return problems


def _kinds(annotation: Any) -> set[Any]:
    """Every type that takes part in an annotation, unions, mappings and `Annotated` opened."""
    parts = get_args(annotation)
    return {annotation, get_origin(annotation)} | {kind for part in parts for kind in _kinds(part)}


def _model_in(kinds: set[Any]) -> type[BaseModel] | None:
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


def _absolute(raw: Any, base: Path, model: type[BaseModel]) -> None:
    """Make every relative path in raw settings relative to the folder of the file they stand in."""
    if not isinstance(raw, dict):
        return
    for name, inner in list(raw.items()):
        field = model.model_fields.get(name)
        if field is None:
            continue
        kinds = _kinds(field.annotation)
        nested = _model_in(kinds)
        match inner:
            case dict() if nested is not None and dict in kinds:
                for entry in inner.values():
                    _absolute(entry, base, nested)
            case list() if nested is not None:
                for entry in inner:
                    _absolute(entry, base, nested)
            case dict() if nested is not None:
                _absolute(inner, base, nested)
            case dict() if Path in kinds:
                raw[name] = {k: str(base / v) if isinstance(v, str) else v for k, v in inner.items()}
            case str() if Path in kinds:
                raw[name] = str(base / inner)
            case _:
                pass


_RELATIVE_SQLITE = re.compile(r"sqlite(?:\+[a-z0-9]+)?:///(?=[^/?:])")


def build(raw: Any, base: Path) -> Settings:
    """Settings from parsed YAML; relative paths and SQLite files, defaults too, are taken from `base`.

    Raises `ConfigError` with every problem.
    """
    if not isinstance(raw, dict):
        raise ConfigError("(top level): must be a mapping of settings")
    raw.setdefault("data_dir", str(Settings.model_fields["data_dir"].default))
    _absolute(raw, base, Settings)
    audit = raw.setdefault("audit", {})
    if isinstance(audit, dict):
        url = audit.setdefault("database", AuditSettings.model_fields["database"].default)
        if isinstance(url, str) and (relative := _RELATIVE_SQLITE.match(url)):
            audit["database"] = f"sqlite:///{base / url[relative.end() :]}"
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def override(raw: dict[str, Any], assignments: Iterable[str]) -> None:
    """Apply `dotted.path=YAML` settings to raw settings in place. Raises `ConfigError` with every problem."""
    problems: list[str] = []
    for text in assignments:
        try:
            _assign(raw, text)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)


def accept_plaintext(raw: dict[str, Any]) -> None:
    """Let upstreams and issuers of raw settings be plain http, where an entry does not say whether it may.

    For `regogate dev` alone, whose upstreams and identity providers are somebody's own.
    """
    upstreams, identity = raw.get("upstreams"), raw.get("identity")
    entries = list(upstreams.values()) if isinstance(upstreams, dict) else []
    issuers = identity.get("jwt") if isinstance(identity, dict) else None
    for entry in (*entries, *(issuers if isinstance(issuers, list) else ())):
        if isinstance(entry, dict) and entry.get("kind") != "demo":
            entry.setdefault("allow_plaintext", True)


def _assign(raw: dict[str, Any], text: str) -> None:
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise ConfigError(f"--set {path}: must be KEY=VALUE, such as server.max_body_bytes=1000000")
    node = raw
    *parents, last = path.split(".")
    for part in parents:
        inner = node.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {path}: {part} is not a mapping")
        node = inner
    node[last] = parse_yaml(value, f"--set {path}")


def load(path: Path, assignments: Iterable[str] = ()) -> Settings:
    """Settings from a file. Raises `ConfigError` with every problem, unreadable references included."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text") from None
    raw = parse_yaml(text, str(path))
    if raw is None:
        raw = {}
    if isinstance(raw, dict):
        override(raw, assignments)
    settings = build(raw, path.resolve().parent)
    if problems := unreadable(settings):
        raise ConfigError(problems)
    return settings


def unreadable(settings: Settings) -> list[str]:
    """Every file or variable that settings refer to and that cannot be read, by dotted path."""
    problems: list[str] = []

    def look(value: Any, path: str) -> None:
        match value:
            case SecretRef():
                try:
                    value.read()
                except ConfigError as error:
                    problems.append(f"{path}: {error}")
            case BaseModel():
                for name in type(value).model_fields:
                    look(getattr(value, name), f"{path}.{name}" if path else name)
            case Mapping():
                for name, inner in value.items():
                    look(inner, f"{path}.{name}")
            case tuple():
                for number, inner in enumerate(value):
                    look(inner, f"{path}.{number}")
            case Path() if path not in _MADE_BY_US:
                if not value.exists():
                    problems.append(f"{path}: {value}: no such file")
                elif not value.is_file():
                    problems.append(f"{path}: {value}: is not a file")
                elif not os.access(value, os.R_OK):
                    problems.append(f"{path}: {value}: permission denied")
            case _:
                pass

    look(settings, "")
    return problems


_MADE_BY_US = frozenset({"data_dir", "policy.opa.socket"})
"""Paths that need not exist when settings are read."""
