"""What calls there can be, as far as two policies can tell them apart.

An axis of the sweep (callers, models, operations, networks, ...) is a list of `Value`s, each of which
stands for a class of names that neither policy can tell apart:

- What a name's own rows say, in both policies. A pattern's row counts for the names it covers. Fields whose
  name is no word of the Rego (a price, a note) are left out, and so are axes of which the Rego has no word.
- Which other strings of the tables, and which literals of the Rego, equal the name, begin it or end it; and
  are part of it, where the Rego has a built-in that looks inside. What a regular expression, a hash or the
  first two letters of a name say is not seen.
- An address: which of the networks it is in. All borders of all ranges are taken, so no region is missed.

The first value of an axis is the plain one. The values of an axis that is not swept in the product are
tried one at a time.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from itertools import chain, islice, product
from typing import Any, Final

import orjson

from dataplane.authoring.policy_set import PolicySet, Stage
from dataplane.authoring.question import DATA_CLASSES, LOOPBACK, Question, address, finding, path_of
from dataplane.authoring.sweep_names import (
    Marks,
    all_strings,
    borders,
    keys_of,
    list_in,
    literals,
    looks_inside,
    network_of,
    numbers_of,
    rows_of,
    sample,
    touched_rows,
    without,
    words_of,
)
from dataplane.authoring.sweep_values import Domain, Value, modalities, times

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
"""Axes that are varied one at a time; so are the tools offered, but for the one of a tool_call."""

LEVELS: Final = ("low", "medium", "high", "critical")
"""`critical` where tables or rules name it."""
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
        "time": times(),
        "modality": modalities(),
        "identity": world.claims(),
        "usage": world.usage(),
    }
    beside = (
        "max_tokens",
        "time",
        "modality",
        "identity",
        "usage",
        *(() if stage == "tool_call" else ("tool",)),
    )
    swept = [name for name in axes if name not in beside]
    read = {name: values if world.reads(name) else values[:1] for name, values in axes.items()}
    return Domain(
        product={name: read[name] for name in swept},
        single={name: values for name, values in read.items() if name not in swept and len(values) > 1},
        names={name: sum(one.alike for one in axes[name]) for name in swept},
    )


class _World:
    def __init__(self, old: PolicySet, new: PolicySet) -> None:
        self._both = (old.tables, new.tables)
        self._literals = sorted(set(chain(literals(old), literals(new))))[:MAX_LITERALS]
        self._inside = looks_inside(old, new)
        self._words = words_of(old) | words_of(new)
        self._touched = touched_rows(old.tables, new.tables)

    def reads(self, axis: str) -> bool:
        """Whether the Rego has a word for what an axis varies."""
        return not _WORDS[axis].isdisjoint(self._words)

    def callers(self) -> tuple[Value, ...]:
        """Clients by row, one that no table names, and who comes with a JWT of each tenant and role."""
        rows = keys_of(self._both, "clients")
        elsewhere = self._strings(but="clients")
        found = [
            Value(
                name=name,
                over={
                    "identity": {"client_id": name, "method": "api_key"},
                    "source": {"ip": self._home(name)},
                },
                alike=1 + len(others),
                others=_first(others),
                weight=self._weight("clients", name),
            )
            for name, others in self._classes(rows, lambda one: self._rows("clients", one), elsewhere)
        ]
        stranger = {"client_id": STRANGER, "method": "api_key"}
        found.append(Value(name="(unknown client)", over={"identity": stranger}))
        for tenant in keys_of(self._both, "tenants"):
            rows_ = self._rows("tenants", tenant)
            roles = [
                one.get("role") for row in rows_ for one in list_in(row, "roles") if isinstance(one, dict)
            ]
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
        named = self._strings(but="")
        patterns = {key for key in named if key.endswith("*") and len(key) > 1}
        listed = {*keys_of(self._both, "models"), *self._column("tiers", "models"), *self._stopped("models")}
        labels = {sample(one): one for one in sorted(listed)} | {STRANGER: "(unknown model)"}
        elsewhere = {*self._strings(but="models"), *patterns}
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
        labels = {one: one for one in known} | {sample(one): one for one in sorted(named)}
        exact = [one for one in keys_of(self._both, "models") if not one.endswith("*")]
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
            for name, others in self._classes(labels, lambda _: [], self._strings(but=""))
        )

    def networks(self) -> tuple[Value, ...]:
        """Where the client's row says, and an address for each set of networks that some address is in."""
        ranges: list[tuple[str, Any]] = []
        for side, tables in enumerate(self._both):
            for name, listed in rows_of(tables, "networks").items():
                for one in listed if isinstance(listed, list) else ():
                    network = network_of(one)
                    if network is not None:
                        ranges.append((f"{side} {name}", network))
        found: dict[frozenset[str], Value] = {}
        for text in dict.fromkeys(chain(OUTSIDE, borders([one for _, one in ranges]))):
            address = ipaddress.ip_address(text)
            inside = frozenset(name for name, network in ranges if address in network)
            names = sorted({name.split(" ", 1)[1] for name in inside})
            over = {"source": {"ip": text}}
            found.setdefault(inside, Value(name=f"{text} ({', '.join(names) or 'no network'})", over=over))
        return (Value(name="its own network", over={}), *found.values())

    def signals(self) -> tuple[Value, ...]:
        """No finding, and one of each kind, origin and level. Kinds and origins are told apart by what
        signals.yaml says of them, and where another string is the name, or a beginning of it that ends in a
        dot or a `*`."""
        rows = [row for tables in self._both for row in rows_of(tables, "signals").values()]
        listed = {one for row in rows if isinstance(row, dict) for one in rows_of(row, "origins")}
        origins = dict.fromkeys(["user", *sorted(listed - {"*"}), *(origin for _, origin in SIGNALS)])
        kinds = dict.fromkeys([*map(sample, keys_of(self._both, "signals")), *(kind for kind, _ in SIGNALS)])
        known = {*self._strings(but="signals"), *self._literals}
        levels = [level for level in LEVELS if level != "critical" or level in known]
        told: dict[object, Value] = {}
        for kind in kinds:
            starts = {f"{kind[:at]}{end}" for at in range(len(kind) + 1) for end in ("", "*")}
            marks = frozenset(one for one in starts & known if one == kind or one[-1:] in (".", "*"))
            row = orjson.dumps(self._covering("signals", kind))
            for origin, level in product(origins, levels):
                mark = origin if origin in known or origin in listed else ""
                value = Value(
                    name=f"{kind} in {origin}: {level}", over={"signals": {kind: {origin: finding(level)}}}
                )
                told.setdefault((marks, row, mark, level), value)
        return (Value(name="none", over={}), *told.values())

    def usage(self) -> tuple[Value, ...]:
        """Usual use, and both sides of each number of anomalies.yaml; where it has none, some multiples."""
        found = [Value(name="usual", over={})]
        facts = dict.fromkeys(["tokens_vs_baseline", *keys_of(self._both, "anomalies")])
        for fact in facts:
            rows = [row for row in self._rows("anomalies", fact) if isinstance(row, dict)]
            numbers = {row.get(name) for row in rows for name in ("constrain_from", "block_from")}
            edges = {one for one in numbers if isinstance(one, int | float) and not isinstance(one, bool)}
            for times_ in sorted({*edges, *(one - 0.01 for one in edges)}) or (2.5, 5, 20):
                found.append(Value(name=f"{fact} {times_:g}", over={"usage": {fact: times_}}))
        return tuple(found)

    def tools(self, stage: Stage) -> tuple[Value, ...]:
        """No tool, and each that tables name or cover by a pattern, and one that nothing names."""
        names = {*keys_of(self._both, "tools"), *self._column("tiers", "tools"), "tool-that-no-table-names"}
        labels = {sample(one): one for one in sorted(names)}
        classes = self._classes(labels, lambda one: self._covering("tools", one), self._strings(but="tools"))
        found = []
        for name, others in classes:
            # What a model proposes to call was offered to it.
            over: dict[str, Any] = {"request": {"has_tools": True, "tools": {name: {"type": "function"}}}}
            if stage == "tool_call":
                over["call"] = {"name": name}
            found.append(
                Value(
                    name=labels[name],
                    over=over,
                    alike=1 + len(others),
                    others=_first(labels[one] for one in others),
                )
            )
        return tuple(found) if stage == "tool_call" else (Value(name="none", over={}), *found)

    def tokens(self) -> tuple[Value, ...]:
        """No length, and both sides of each number that tables compare lengths with."""
        found = {
            number
            for tables in self._both
            for name, number in numbers_of(tables)
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

    def _home(self, client: str) -> str:
        """An address that both policies' rows let the client call from, if there is one."""
        found = [address(Question(client=client), tables) for tables in self._both]
        return OUTSIDE[0] if LOOPBACK in found else found[-1]

    def _classes(
        self, names: Iterable[str], rows: Callable[[str], list[Any]], elsewhere: Iterable[str]
    ) -> list[tuple[str, list[str]]]:
        """The first name of each class, and the others in it."""
        marks = Marks([*elsewhere, *self._literals], inside=self._inside)
        classes: dict[object, list[str]] = {}
        for name in names:
            said = orjson.dumps(without(rows(name), self._words), option=orjson.OPT_SORT_KEYS)
            key = (said, marks.of(name))
            classes.setdefault(key, []).append(name)
        return [(first, others) for first, *others in classes.values()]

    def _rows(self, table: str, name: str) -> list[Any]:
        return [rows_of(tables, table).get(name) for tables in self._both]

    def _covering(self, table: str, name: str) -> list[Any]:
        """The row of the name, else of the longest pattern that covers it, in each policy."""
        found = []
        for tables in self._both:
            rows = rows_of(tables, table)
            ends = (f"{name[:length]}*" for length in range(len(name), -1, -1))
            key = next((one for one in (name, *ends) if one in rows), None)
            found.append(None if key is None else rows[key])
        return found

    def _strings(self, *, but: str) -> set[str]:
        """Every string and key of the tables but those of one."""
        found: set[str] = set()
        for tables in self._both:
            for name, table in tables.items():
                if name != but:
                    found.update(all_strings(table))
        return found

    def _column(self, table: str, name: str) -> set[str]:
        rows = (row for tables in self._both for row in rows_of(tables, table).values())
        fields = (row.get(name) for row in rows if isinstance(row, dict))
        lists = (one.get("allow") if isinstance(one, dict) else one for one in fields)
        return {item for one in lists if isinstance(one, list) for item in one if isinstance(item, str)}

    def _stopped(self, what: str) -> set[str]:
        return {one for tables in self._both for one in (rows_of(tables, "stop").get(what) or {})}

    def _weight(self, table: str, name: str) -> int:
        """0 where the row, or one that it refers to, is not the same in both policies."""
        rows = self._covering(table, name)
        told = {one for row in rows for one in all_strings(row)}
        return 0 if rows[0] != rows[1] or told & self._touched else 1


def _first(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(islice(names, MAX_OTHERS))
