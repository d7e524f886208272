"""How much a call takes of each limit: estimated before it is made, known after.

Before: the prompt's tokens, counted, and the longest answer that may come, times the number of answers.
The longest answer is the least of what the caller asks for, what policy caps it to, and what the models
table says the model can give; where none of them is known, `ASSUMED_OUTPUT_TOKENS`.

After: what the provider says was used. Where it said nothing, the gateway's own count of what passed; of
a call that the provider failed before anything passed, nothing; where nothing at all is known, the
estimate stays.
"""

from __future__ import annotations

from typing import Final

from dataplane.domain import CallState, Decision, Outcome
from dataplane.errors import Refused
from dataplane.limits.plan import Plan
from dataplane.quantities import Limit, Price, Usage

ASSUMED_OUTPUT_TOKENS: Final = 4096
"""Reserved for an answer of which nobody says how long it may be: the longest that `gpt-4-turbo` gives
(OpenAI's model pages). A tier's `max_tokens` or a model's `max_output_tokens` says better."""


def longest_answer(state: CallState, decision: Decision) -> int:
    """Tokens of the longest answer, all choices together."""
    assert state.facts is not None
    caps = (state.facts.max_tokens, decision.constraints.max_tokens, decision.max_output_tokens)
    known = [cap for cap in caps if cap is not None]
    return (min(known) if known else ASSUMED_OUTPUT_TOKENS) * (state.facts.n or 1)


def wanted(plan: Plan, state: CallState, prompt_tokens: int) -> tuple[int, ...]:
    """What to reserve of each limit; 0 of tokens and money where nothing is generated.

    Raises `Refused` (`gateway.unenforceable`) for money where the model has no price.
    """
    facts, decision = state.facts, state.decision
    assert facts is not None
    assert decision is not None
    generates = facts.prompt_tokens_est is not None
    most = Usage(
        input_tokens=prompt_tokens if generates else 0,
        output_tokens=longest_answer(state, decision) if generates else 0,
    )
    price = None
    if plan.costs and generates:
        if decision.price is None:
            raise Refused("gateway.unenforceable", "The model has no price, so a money limit cannot be held.")
        price = decision.price.dearest()
    return tuple([_amount(limit, most, price, facts.images, facts.audio_ms) for limit in plan.limits])


def used(plan: Plan, state: CallState, wants: tuple[int, ...], prompt_tokens: int) -> tuple[int, ...]:
    """What a call that ended has used of each limit (parallel; 1 of requests and places)."""
    assert state.facts is not None
    usage = final_usage(state, prompt_tokens)
    if usage is None:
        return wants
    nothing = state.outcome in _NOTHING or usage == _NONE
    images, audio_ms = (0, 0) if nothing else (state.facts.images, state.facts.audio_ms)
    price = None if state.decision is None else state.decision.price
    return tuple([_amount(limit, usage, price, images, audio_ms) for limit in plan.limits])


_NONE: Final = Usage(input_tokens=0, output_tokens=0)
_NOTHING: Final = frozenset((None, Outcome.NOT_FORWARDED))


def final_usage(state: CallState, prompt_tokens: int) -> Usage | None:
    """The tokens to settle by; None where nothing is known and the estimate stays."""
    usage = state.usage
    if state.outcome in _NOTHING:
        return _NONE
    if usage.input_tokens is not None and usage.output_tokens is not None:
        return usage
    if usage.input_tokens is None and usage.output_tokens is None:
        match state.outcome:
            case Outcome.UPSTREAM_ERROR:
                return _NONE
            case Outcome.CLIENT_CLOSED if state.facts is not None and state.facts.stream:
                return Usage(input_tokens=prompt_tokens, output_tokens=0, counted=True)
            case _:
                return None
    return None


def so_far(plan: Plan, state: CallState, usage: Usage) -> tuple[int, ...]:
    """What a stream has used of each limit until now."""
    assert state.facts is not None
    price = None if state.decision is None else state.decision.price
    return tuple(
        _amount(limit, usage, price, state.facts.images, state.facts.audio_ms) for limit in plan.limits
    )


def _amount(limit: Limit, usage: Usage, price: Price | None, images: int, audio_ms: int) -> int:
    given, made = usage.input_tokens or 0, usage.output_tokens or 0
    match limit.unit:
        case "tokens":
            return given + made
        case "input_tokens":
            return given
        case "output_tokens":
            return made
        case "usd":
            return 0 if price is None else price.cost_microusd(usage)
        case "images":
            return images
        case "audio_seconds":
            return audio_ms
        case _:
            return 1
