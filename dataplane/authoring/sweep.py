"""Every call that two policies may decide differently, found by asking both.

The calls of a `Domain` are asked in this order, until the budget is spent:

1. Every client, model, operation (tool) as a plain call. What one of the policies lets pass is a base.
2. From each base, every axis one value at a time, also the axes that are not in the product.
3. Of the calls that both block, the other axes of the product one value at a time: some may be allowed with
   less sensitive data only. What passes then is a base, too; what has none is not varied on other axes.
4. What is left of the product, first with a base, then without.

Within a step the values that a change of tables touches come first. What was left out is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice, product, tee
from math import prod
from typing import Any, Final

import orjson

from dataplane.authoring.compare import answer_in, compare
from dataplane.authoring.evaluator import Evaluator
from dataplane.authoring.policy_set import Stage
from dataplane.authoring.question import Question, clock, facts_of, laid_over
from dataplane.authoring.sweep_domain import OUTSIDE
from dataplane.authoring.sweep_values import Domain, Value

BUDGET: Final = 20_000
"""Calls asked of each policy unless told otherwise: some 10 to 20 s on two cores."""
CHUNK: Final = 500
"""Calls between two words of progress."""

CORE: Final = ("client", "model", "tool", "operation")
"""The axes of step 1, as far as the product has them."""

_NINE: Final = clock(datetime(2026, 9, 23, 9, tzinfo=UTC))
"""A weekday morning, which is in every time window."""

Told = Callable[[int, int, int], None]
"""Progress: calls asked, calls to ask at most, changes found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A combination whose decision changed. `call` names its value on each axis of the product, and on others
    where it is not plain; `alike` is how many names it stands for; an answer is None where there is none."""

    stage: str
    call: Mapping[str, str]
    alike: int
    keys: tuple[str, ...]
    direction: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep did. `asked` of `total` combinations (of classes) were asked of both policies, `beside`
    among them on single axes; `unvaried` plain calls that both block were not varied on those."""

    stage: str
    asked: int
    total: int
    beside: int
    unvaried: int
    classes: Mapping[str, tuple[int, int]]
    changed: tuple[Changed, ...] = field(repr=False)

    @property
    def complete(self) -> bool:
        """Whether the whole product was asked."""
        return self.asked - self.beside >= self.total


Combination = dict[str, Value]


def sweep(
    old: Evaluator,
    new: Evaluator,
    domain: Domain,
    tables: Mapping[str, Any],
    *,
    stage: Stage = "request",
    budget: int = BUDGET,
    told: Told = lambda asked, most, changed: None,
) -> Swept:
    """Ask both policies about at most `budget` calls; `tables` serve for the plain call's address."""
    run = _Run(old, new, domain, tables, stage, budget, told)
    core = {name: domain.product[name] for name in CORE if name in domain.product}
    rest = {name: values for name, values in domain.product.items() if name not in core}
    plain = {name: values[0] for name, values in rest.items()}
    bases: list[Combination] = []
    shut: list[Combination] = []
    for combination, passes in run.ask({**plain, **one} for one in _all(core)):
        (bases if passes else shut).append(combination)
    beside = _from(run, bases, rest, domain.single)
    opened, shut = _opened(run, shut, rest)
    beside += _from(run, opened, rest, domain.single)
    for some in (bases, opened, shut):
        run.ask_all({**one, **others} for one in some for others in _all(rest))
    return Swept(
        stage=stage,
        asked=run.asked,
        total=_size(domain),
        beside=beside,
        unvaried=len(shut),
        classes={name: (len(values), domain.names[name]) for name, values in domain.product.items()},
        changed=tuple(run.changed),
    )


def _from(
    run: _Run,
    bases: list[Combination],
    rest: Mapping[str, tuple[Value, ...]],
    single: Mapping[str, tuple[Value, ...]],
) -> int:
    """Vary every axis from each base; gives how many of the calls are not of the product."""
    run.ask_all(_varied(bases, rest))
    before = run.asked
    run.ask_all(_varied(bases, single))
    return run.asked - before


def _opened(
    run: _Run, shut: list[Combination], rest: Mapping[str, tuple[Value, ...]]
) -> tuple[list[Combination], list[Combination]]:
    """The first variation that passes of each call that was shut, and the calls that have none."""
    found: dict[tuple[int, ...], Combination] = {}
    for combination, passes in run.ask(_varied(shut, rest)):
        if passes:
            found.setdefault(_core(combination), combination)
    return list(found.values()), [one for one in shut if _core(one) not in found]


def _varied(
    combinations: Iterable[Combination], axes: Mapping[str, tuple[Value, ...]]
) -> Iterator[Combination]:
    """Each with one axis at a time at each of its values."""
    return ({**one, name: value} for one in combinations for name, values in axes.items() for value in values)


def _core(combination: Combination) -> tuple[int, ...]:
    return tuple(id(combination[name]) for name in CORE if name in combination)


def _all(axes: Mapping[str, tuple[Value, ...]]) -> Iterator[Combination]:
    for values in product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


class _Run:
    def __init__(
        self,
        old: Evaluator,
        new: Evaluator,
        domain: Domain,
        tables: Mapping[str, Any],
        stage: Stage,
        budget: int,
        told: Told,
    ) -> None:
        self._old, self._new, self._stage, self._budget, self._told = old, new, stage, budget, told
        self._domain = domain
        # A client brings its own address, which the network then replaces; an operation may take the model.
        self._order = (*domain.product, *domain.single)
        asked = Question(stage=stage, ip=OUTSIDE[0], facts={"time": _NINE})
        self._base = facts_of(asked, tables, "sweep")
        self._seen: set[frozenset[tuple[str, int]]] = set()
        self.asked = 0
        self.changed: list[Changed] = []

    def ask_all(self, combinations: Iterable[Combination]) -> None:
        for _ in self.ask(combinations):
            pass

    def ask(self, combinations: Iterable[Combination]) -> Iterator[tuple[Combination, bool]]:
        """Each combination within the budget that was not asked before, and whether a policy lets it pass."""
        within = islice(filter(self._is_new, combinations), self._budget - self.asked)
        mine, inputs = tee(within)
        one, other = tee(orjson.dumps(self._input(combination)) for combination in inputs)
        answers = zip(
            mine,
            self._old.decide_many(self._stage, one),
            self._new.decide_many(self._stage, other),
            strict=True,
        )
        for combination, was, now in answers:
            self.asked += 1
            if was != now:
                self._compare(combination, was, now)
            if self.asked % CHUNK == 0:
                self._told(self.asked, self._budget, len(self.changed))
            yield combination, _passes(was) or _passes(now)

    def _is_new(self, combination: Combination) -> bool:
        """Plain values of the single axes are in no combination, so they do not tell two apart."""
        single = self._domain.single
        if _has_no_model(combination["operation"]):
            combination = {name: value for name, value in combination.items() if name != "model"}
        key = frozenset(
            (name, id(value))
            for name, value in combination.items()
            if name not in single or value is not single[name][0]
        )
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _input(self, combination: Combination) -> dict[str, Any]:
        facts = self._base
        for name in self._order:
            if name in combination:
                facts = laid_over(facts, combination[name].over)
        return facts

    def _compare(self, combination: Combination, was: bytes | None, now: bytes | None) -> None:
        old, new = answer_in(was), answer_in(now)
        if old is None and new is None:
            return
        difference = compare(old or {"decision": "NONE"}, new)
        if difference is None or not difference.changed:
            return
        product_, single = self._domain.product, self._domain.single
        call = {
            name: value.name
            for name, value in sorted(combination.items(), key=lambda one: one[0] not in CORE)
            if (len(product_[name]) > 1 if name in product_ else value is not single[name][0])
        }
        if _has_no_model(combination["operation"]):
            call.pop("model", None)
        self.changed.append(
            Changed(
                stage=self._stage,
                call=call,
                alike=prod(combination[name].alike for name in CORE if name in combination),
                keys=difference.keys,
                direction=difference.direction,
                old=old,
                new=new,
            )
        )


def _has_no_model(operation: Value) -> bool:
    """Calls that name no model are the same whatever the model is."""
    request = operation.over["request"]
    return "model" in request and request["model"] is None


def _size(domain: Domain) -> int:
    without = sum(map(_has_no_model, domain.product["operation"]))
    one = prod(len(values) for name, values in domain.product.items() if name not in ("model", "operation"))
    models = len(domain.product["model"])
    return one * (models * (len(domain.product["operation"]) - without) + without)


def _passes(answer: bytes | None) -> bool:
    return answer is not None and b'"decision":"BLOCK"' not in answer
