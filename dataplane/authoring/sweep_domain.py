"""What calls there can be, as far as two policies can tell them apart.

An axis of the sweep (callers, models, operations, networks, ...) is a list of `Value`s, each of which
stands for a class of names that neither policy can tell apart:

- What a name's own rows say, in both policies. A pattern's row counts for the names it covers. Fields whose
  name is no word of the Rego (a price, a note) are left out, and so are axes of which the Rego has no word.
- Which other strings of the tables, and which literals of the Rego, equal the name, begin it, end it or are
  part of it. A rule that looks at names in any other way (a regular expression, a hash) is not seen.
- An address: which of the networks it is in. All borders of all ranges are taken, so no region is missed.

The first value of an axis is the plain one. The values of an axis that is not swept in the product are
tried one at a time.
"""

from __future__ import annotations

import ipaddress
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Final

import orjson

from dataplane.authoring.policy_set import PolicySet, Stage
from dataplane.authoring.question import DATA_CLASSES, finding, path_of

OPERATIONS: Final = (
    "chat.completions.create",
    "models.list",
    "models.retrieve",
    "embeddings.create",
    "responses.create",
    "completions.create",
    "moderations.create",
    "images.generate",
    "audio.transcriptions.create",
    "files.create",
    "batches.create",
    "fine_tuning.jobs.create",
    "unknown",
)
"""Operations a gateway names, or will; tables may name more."""

BESIDE: Final = ("max_tokens", "time", "modality", "identity", "usage")
"""Axes that are varied one at a time; so are the tools offered at the stage request."""

LEVELS: Final = ("low", "medium", "high")
SIGNALS: Final = (
    *(("injection", "user"), ("injection", "tool_result"), ("jailbreak", "user"), ("exfiltration", "user")),
    *(("toxicity", "user"), ("pii.email", "user"), ("secret.api_key", "user"), ("source_code", "user")),
    ("inspection.failed", "user"),
)
"""Kinds and origins of findings (design: the decision contract); tables may name more kinds."""

STRANGER: Final = "somebody-that-no-table-names"
OUTSIDE: Final = ("192.0.2.1", "2001:db8::1")
"""Documentation ranges (RFC 5737, RFC 3849): in no network unless a table says so."""

MAX_LITERALS: Final = 5_000
MAX_NUMBERS: Final = 12
MAX_OTHERS: Final = 5
"""Names of a class that are told beside the one that stands for it."""

_STRING: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`')
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS: Final = {
    "client": {"identity"},
    "model": {"model", "candidates"},
    "operation": {"operation"},
    "network": {"source"},
    "data_class": {"data_class"},
    "signal": {"signals"},
    "tool": {"tools", "call"},
    "max_tokens": {"max_tokens"},
    "time": {"time"},
    "modality": {"modalities", "uninspected_bytes", "stream"},
    "identity": {"scopes", "method", "client_cert"},
    "usage": {"usage"},
}
"""The words of the input that an axis is about."""
_NAME_COLUMN: Final = re.compile(r"[a-z_]*(signals?|risks?|findings?|detectors?)[a-z_]*")

Over = Mapping[str, Any]
"""What is laid over a plain call's input (`question.laid_over`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of an axis: how it is told, what it changes in the input, how many names it stands for and
    the first of the others.

    `weight` sorts the values that a change of tables touches to the front (0), so that a budget that ends
    the sweep ends it among the others (1).
    """

    name: str
    over: Over
    alike: int = 1
    others: tuple[str, ...] = ()
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """The axes, by name: `product` are swept in all combinations, `single` one value at a time."""

    product: Mapping[str, tuple[Value, ...]]
    single: Mapping[str, tuple[Value, ...]]
    names: Mapping[str, int] = field(default_factory=dict)


def domain(old: PolicySet, new: PolicySet, stage: Stage = "request") -> Domain:
    """The domain of two policies (the same one twice for a matrix) at a stage."""
    world = _World(old, new)
    axes = {
        "client": world.callers(),
        "model": world.models(),
        "operation": world.operations(OPERATIONS if stage == "request" else OPERATIONS[:1]),
        "network": world.networks(),
        "data_class": tuple(
            Value(name=name, over={"request": {"data_class": name}})
            for name in ("internal", *(one for one in DATA_CLASSES if one != "internal"))
        ),
        "signal": world.signals(),
        "tool": world.tools(stage),
        "max_tokens": world.tokens(),
        "time": _times(),
        "modality": _modalities(),
        "identity": world.claims(),
        "usage": tuple(
            Value(name=f"{times} times the baseline", over={"usage": {"tokens_vs_baseline": times}})
            for times in (1, 2.5, 5, 20)
        ),
    }
    beside = (
        "max_tokens",
        "time",
        "modality",
        "identity",
        "usage",
        *(("tool",) if stage == "request" else ()),
    )
    product = [name for name in axes if name not in beside]
    read = {name: values if world.reads(name) else values[:1] for name, values in axes.items()}
    return Domain(
        product={name: read[name] for name in product},
        single={name: values for name, values in read.items() if name not in product and len(values) > 1},
        names={name: sum(one.alike for one in axes[name]) for name in product},
    )


class _World:
    def __init__(self, old: PolicySet, new: PolicySet) -> None:
        self._both = (old.tables, new.tables)
        self._literals = sorted(set(chain(_rego_literals(old), _rego_literals(new))))[:MAX_LITERALS]
        self._words = _words(old) | _words(new)
        self._touched = _touched_rows(old.tables, new.tables)

    def reads(self, axis: str) -> bool:
        """Whether the Rego has a word for what an axis varies."""
        return not _WORDS[axis].isdisjoint(self._words)

    def callers(self) -> tuple[Value, ...]:
        """Clients by row, one that no table names, and who comes with a JWT of each tenant and role."""
        rows = _keys(self._both, "clients")
        elsewhere = self._strings(without="clients")
        found = [
            Value(
                name=name,
                over={"identity": {"client_id": name, "method": "api_key"}},
                alike=1 + len(others),
                others=_first(others),
                weight=self._weight("clients", name),
            )
            for name, others in self._classes(rows, lambda one: self._rows("clients", one), elsewhere)
        ]
        stranger = {"client_id": STRANGER, "method": "api_key"}
        found.append(Value(name="(unknown client)", over={"identity": stranger}))
        for tenant in _keys(self._both, "tenants"):
            rows_ = self._rows("tenants", tenant)
            roles = [one.get("role") for row in rows_ for one in _list(row, "roles") if isinstance(one, dict)]
            for role in (None, *dict.fromkeys(str(one) for one in roles)):
                identity = {
                    "client_id": STRANGER,
                    "method": "jwt",
                    "tenant": tenant,
                    "roles": [] if role is None else [role],
                }
                name = f"(JWT of {tenant}{'' if role is None else f', role {role}'})"
                found.append(
                    Value(name=name, over={"identity": identity}, weight=self._weight("tenants", tenant))
                )
        return tuple(sorted(found, key=lambda one: one.weight))

    def models(self) -> tuple[Value, ...]:
        """Models by the rows that cover them; of a pattern a name that it alone covers; one nobody names."""
        named = self._strings(without="")
        patterns = {key for key in named if key.endswith("*") and len(key) > 1}
        listed = {*_keys(self._both, "models"), *self._column("tiers", "models"), *self._stopped("models")}
        labels = {_sample(one): one for one in sorted(listed)} | {STRANGER: "(unknown model)"}
        elsewhere = {*self._strings(without="models"), *patterns}
        found = [
            Value(
                name=labels[name],
                over={"request": {"model": name}},
                alike=1 + len(others),
                others=_first(labels[one] for one in others),
                weight=self._weight("models", name),
            )
            for name, others in self._classes(labels, lambda one: self._covering("models", one), elsewhere)
        ]
        return tuple(sorted(found, key=lambda one: one.weight))

    def operations(self, known: Iterable[str]) -> tuple[Value, ...]:
        """The operations that are known or named, by the patterns and literals that match them."""
        named = self._column("tiers", "operations")
        labels = {one: one for one in known} | {_sample(one): one for one in sorted(named)}
        exact = [one for one in _keys(self._both, "models") if not one.endswith("*")]
        # The catalogue is asked for without a model, and gives the gateway's own list of them.
        candidates: dict[str, Any] = {"candidates": {one: {} for one in exact}, "model": None}
        return tuple(
            Value(
                name=labels[name],
                over={
                    "request": {"operation": name, "path": path_of(name, None)}
                    | (candidates if name == "models.list" else {})
                },
                alike=1 + len(others),
                others=_first(labels[one] for one in others),
            )
            for name, others in self._classes(labels, lambda _: [], self._strings(without=""))
        )

    def networks(self) -> tuple[Value, ...]:
        """An address for each set of networks that some address is in; the outside first."""
        ranges: list[tuple[str, Any]] = []
        for side, tables in enumerate(self._both):
            for name, listed in _rows(tables, "networks").items():
                for one in listed if isinstance(listed, list) else ():
                    network = _network(one)
                    if network is not None:
                        ranges.append((f"{side} {name}", network))
        found: dict[frozenset[str], Value] = {}
        for text in dict.fromkeys(chain(OUTSIDE, _borders([one for _, one in ranges]))):
            address = ipaddress.ip_address(text)
            inside = frozenset(name for name, network in ranges if address in network)
            names = sorted({name.split(" ", 1)[1] for name in inside})
            over = {"source": {"ip": text}}
            found.setdefault(inside, Value(name=f"{text} ({', '.join(names) or 'no network'})", over=over))
        return tuple(found.values())

    def signals(self) -> tuple[Value, ...]:
        """No finding, and one finding of each kind and level that tables or rules can tell apart."""
        kinds = {
            str(kind): "user"
            for tables in self._both
            for name, rows in tables.items()
            if _NAME_COLUMN.fullmatch(name) and isinstance(rows, dict)
            for kind in rows
        }
        pairs = dict.fromkeys([*SIGNALS, *((_sample(kind), origin) for kind, origin in kinds.items())])
        names = self._strings(without="")
        told: dict[object, Value] = {}
        for kind, origin in pairs:
            marks = (self._marks(kind, names), self._marks(origin, names))
            for level in LEVELS:
                value = Value(
                    name=f"{kind} in {origin}: {level}", over={"signals": {kind: {origin: finding(level)}}}
                )
                told.setdefault((marks, level), value)
        # Where nothing names any kind or origin, one stands for all.
        return (Value(name="none", over={}), *told.values())

    def tools(self, stage: Stage) -> tuple[Value, ...]:
        """No tool, and each that tables name or cover by a pattern, and one that nothing names."""
        names = {*_keys(self._both, "tools"), *self._column("tiers", "tools"), "tool-that-no-table-names"}
        labels = {_sample(one): one for one in sorted(names)}
        classes = self._classes(
            labels, lambda one: self._covering("tools", one), self._strings(without="tools")
        )
        if stage == "tool_call":
            return tuple(
                Value(
                    name=labels[name],
                    over={"call": {"name": name}},
                    alike=1 + len(others),
                    others=_first(labels[one] for one in others),
                )
                for name, others in classes
            )
        offered = (
            Value(
                name=labels[name],
                over={"request": {"has_tools": True, "tools": {name: {"type": "function"}}}},
                alike=1 + len(others),
                others=_first(labels[one] for one in others),
            )
            for name, others in classes
        )
        return (Value(name="none", over={}), *offered)

    def tokens(self) -> tuple[Value, ...]:
        """No length, and both sides of each number that tables compare lengths with."""
        found = {
            number
            for tables in self._both
            for name, number in _numbers(tables)
            if "max" in name or "token" in name
        }
        edges = sorted({1, *found, *(one + 1 for one in found)})[: 2 * MAX_NUMBERS]
        return (
            Value(name="none", over={}),
            *(Value(name=str(edge), over={"request": {"max_tokens": edge}}) for edge in edges),
        )

    def claims(self) -> tuple[Value, ...]:
        """Each scope that tables name, for a JWT, and the other ways to prove oneself."""
        scopes = sorted(self._column("tiers", "scopes") | self._column("tenants", "scopes"))
        return (
            Value(name="as the client", over={}),
            *(Value(name=f"scope {one}", over={"identity": {"scopes": [one]}}) for one in scopes),
            Value(name="by mtls", over={"identity": {"method": "mtls"}, "source": {"client_cert": True}}),
            Value(name="by jwt", over={"identity": {"method": "jwt"}}),
        )

    def _classes(
        self, names: Iterable[str], rows: Callable[[str], list[Any]], elsewhere: Iterable[str]
    ) -> list[tuple[str, list[str]]]:
        """The first name of each class, and the others in it."""
        marks = _Marks([*elsewhere, *self._literals])
        classes: dict[object, list[str]] = {}
        for name in names:
            said = orjson.dumps(_without(rows(name), self._words), option=orjson.OPT_SORT_KEYS)
            key = (said, marks.of(name))
            classes.setdefault(key, []).append(name)
        return [(first, others) for first, *others in classes.values()]

    def _marks(self, name: str, elsewhere: Iterable[str]) -> object:
        return _Marks([*elsewhere, *self._literals]).of(name)

    def _rows(self, table: str, name: str) -> list[Any]:
        return [_rows(tables, table).get(name) for tables in self._both]

    def _covering(self, table: str, name: str) -> list[Any]:
        """The row of the name, else of the longest pattern that covers it, in each policy."""
        found = []
        for tables in self._both:
            rows = _rows(tables, table)
            ends = (f"{name[:length]}*" for length in range(len(name), -1, -1))
            key = next((one for one in (name, *ends) if one in rows), None)
            found.append(None if key is None else rows[key])
        return found

    def _strings(self, *, without: str) -> set[str]:
        """Every string and key of the tables but those of one."""
        found: set[str] = set()
        for tables in self._both:
            for name, table in tables.items():
                if name != without:
                    found.update(_all_strings(table))
        return found

    def _column(self, table: str, name: str) -> set[str]:
        rows = (row for tables in self._both for row in _rows(tables, table).values())
        fields = (row.get(name) for row in rows if isinstance(row, dict))
        lists = (one.get("allow") if isinstance(one, dict) else one for one in fields)
        return {item for one in lists if isinstance(one, list) for item in one if isinstance(item, str)}

    def _stopped(self, what: str) -> set[str]:
        return {one for tables in self._both for one in (_rows(tables, "stop").get(what) or {})}

    def _weight(self, table: str, name: str) -> int:
        """0 where the row, or one that it refers to, is not the same in both policies."""
        rows = self._covering(table, name)
        told = {one for row in rows for one in _all_strings(row)}
        return 0 if rows[0] != rows[1] or told & self._touched else 1


class _Marks:
    """Which of many strings a name has to do with: equal to it, its beginning, its end, or inside it."""

    def __init__(self, strings: Iterable[str]) -> None:
        self._exact = set(strings)
        self._parts = {one.removesuffix("*") for one in self._exact if len(one) > 1}
        self._lengths = sorted({len(one) for one in self._parts if one})

    def of(self, name: str) -> frozenset[tuple[str, bool, bool]]:
        """Costs the square of the name's length, however many strings there are."""
        found = {
            part: (name.startswith(part), name.endswith(part))
            for length in self._lengths
            if length <= len(name)
            for part in (name[at : at + length] for at in range(len(name) - length + 1))
            if part in self._parts
        }
        marks = {(part, *ends) for part, ends in found.items()}
        return frozenset(marks | ({("=" + name, True, True)} if name in self._exact else set()))


def rego_of(policy: PolicySet) -> dict[str, str]:
    """The Rego in the bundle, by file."""
    found = {}
    with tarfile.open(policy.bundle) as archive:
        for entry in archive:
            file = archive.extractfile(entry) if entry.name.endswith(".rego") else None
            if file is not None:
                found[entry.name.lstrip("/")] = file.read().decode("utf-8", "replace")
    return found


def _code(policy: PolicySet) -> Iterator[str]:
    for text in rego_of(policy).values():
        yield from (line for line in text.splitlines() if not line.lstrip().startswith("#"))


def _words(policy: PolicySet) -> set[str]:
    return {word for line in _code(policy) for word in _WORD.findall(line)}


def _rego_literals(policy: PolicySet) -> Iterator[str]:
    """The strings of the code, without the shortest."""
    return (text[1:-1] for line in _code(policy) for text in _STRING.findall(line) if len(text) > 3)


def _without(value: Any, words: set[str]) -> Any:
    """Without the fields that the code has no word for; names that are no words may be looked up."""
    if isinstance(value, dict):
        return {
            key: _without(one, words)
            for key, one in value.items()
            if key in words or not _WORD.fullmatch(key)
        }
    return [_without(one, words) for one in value] if isinstance(value, list) else value


def _touched_rows(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    """The keys of rows that are not the same in both."""
    return {
        key
        for name in {*old, *new}
        for key in {*_rows(old, name), *_rows(new, name)}
        if _rows(old, name).get(key) != _rows(new, name).get(key)
    }


def _times() -> tuple[Value, ...]:
    days = (("Wed", 1_790_121_600), ("Sat", 1_790_380_800))
    hours = [
        ("Wed", 9),
        *((day, hour) for day, _ in days for hour in range(0, 24, 1) if (day, hour) != ("Wed", 9)),
    ]
    midnight = dict(days)
    return tuple(
        Value(
            name=f"{day} {hour}h",
            over={"time": {"unix": midnight[day] + 3600 * hour, "weekday": day, "hour": hour}},
        )
        for day, hour in hours
    )


def _modalities() -> tuple[Value, ...]:
    return (
        Value(name="text", over={}),
        *(
            Value(
                name=f"with {one}", over={"request": {"modalities": [one, "text"], "uninspected_bytes": 4096}}
            )
            for one in ("image", "audio", "file")
        ),
        Value(name="with uninspected bytes", over={"request": {"uninspected_bytes": 4096}}),
        Value(name="streamed", over={"request": {"stream": True}}),
    )


def _first(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(islice(names, MAX_OTHERS))


def _sample(pattern: str) -> str:
    """A name that a pattern covers."""
    return f"{pattern[:-1]}any" if pattern.endswith("*") else pattern


def _network(text: Any) -> Any:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _borders(networks: Sequence[Any]) -> Iterator[str]:
    """The ends of every range and their neighbours: some address of every region between them."""
    for network in networks:
        low, high = int(network.network_address), int(network.broadcast_address)
        kind = type(network.network_address)
        most = 2**network.max_prefixlen - 1
        yield from (str(kind(one)) for one in (low, high, low - 1, high + 1) if 0 <= one <= most)


def _rows(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tables.get(name)
    return found if isinstance(found, dict) else {}


def _keys(both: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    return list(dict.fromkeys(key for tables in both for key in _rows(tables, name)))


def _list(row: Any, name: str) -> list[Any]:
    found = row.get(name) if isinstance(row, dict) else None
    return found if isinstance(found, list) else []


def _all_strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _all_strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _all_strings(one)


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, int]]:
    if isinstance(value, int) and not isinstance(value, bool):
        yield name, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _numbers(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from _numbers(one, name)
