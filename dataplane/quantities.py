"""How much: what policy allows, what a call uses, what that costs. Money is in micro-USD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dataplane.frozen import quick_init


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit of a decision: `amount` of `unit` per `per` for `key`; `burst` at most at once.

    `overrun` is what happens to a stream that spends more than was reserved: `extend` takes the rest from
    the budget as it comes and cuts the stream when the budget has no more, `cut` cuts it at once, `finish`
    lets it end and books it.
    """

    id: str
    key: str
    unit: str
    amount: int
    per: str
    window: str
    burst: int | None = None
    overrun: str = "extend"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCall:
    """What a call of the past took of its limits at `at_us` (Unix microseconds): its estimate where nobody
    knows how it ended. `taken` is parallel to `limits`; `slot` is its tenant, else its principal."""

    at_us: int
    slot: str
    limits: tuple[Limit, ...]
    taken: tuple[int, ...]


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the provider counted them; None where it did not say. `cached_input_tokens` are among the
    input, `reasoning_tokens` among the output. `counted`: the gateway counted, because the provider did not
    say, or not before the call ended."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    counted: bool = False


UNKNOWN_USAGE: Final = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model costs, in micro-USD per 1,000,000 tokens. Cached input and reasoning tokens are parts of
    input and output and cost as these do where the table does not say otherwise."""

    input: int
    output: int
    cached_input: int | None = None
    reasoning: int | None = None

    def dearest(self) -> Price:
        """The price at which no usage costs more: nothing cached, every output token at the higher price."""
        given = max(self.input, self.cached_input or 0)
        return Price(input=given, output=max(self.output, self.reasoning or 0))

    def cost_microusd(self, usage: Usage) -> int:
        """The money a usage costs, each call rounded up to a whole micro-USD; unknown counts cost nothing."""
        given, made = usage.input_tokens or 0, usage.output_tokens or 0
        cached = min(usage.cached_input_tokens or 0, given)
        thought = min(usage.reasoning_tokens or 0, made)
        cached_price = self.input if self.cached_input is None else self.cached_input
        thought_price = self.output if self.reasoning is None else self.reasoning
        cost = (given - cached) * self.input + cached * cached_price
        cost += (made - thought) * self.output + thought * thought_price
        return -(-cost // 1_000_000)
