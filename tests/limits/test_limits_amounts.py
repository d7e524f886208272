"""How much a call takes: estimated before, known after, whatever way it ends."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits_kit import PARALLEL, PRICE, RPM, TPH, USD, call

from dataplane.domain import CallFacts, Constraints, Outcome
from dataplane.errors import Refused
from dataplane.limits.amounts import ASSUMED_OUTPUT_TOKENS, used, wanted
from dataplane.limits.plan import plan
from dataplane.quantities import UNKNOWN_USAGE, Price, Usage

INPUT = replace(TPH, id="in", unit="input_tokens")
OUTPUT = replace(TPH, id="out", unit="output_tokens")
IMAGES = replace(TPH, id="images", unit="images")
AUDIO = replace(TPH, id="audio", unit="audio_seconds")
ALL = (RPM, TPH, INPUT, OUTPUT, USD, PARALLEL, IMAGES, AUDIO)
CHAT = CallFacts(model="m", prompt_tokens_est=1, max_tokens=100, n=2, images=3, audio_ms=4500)


def test_a_call_wants_its_prompt_and_the_longest_answer_it_may_get() -> None:
    state = call(*ALL, facts=CHAT)
    assert wanted(plan(ALL), state, 10) == (1, 210, 10, 200, 410, 1, 3, 4500)


@pytest.mark.parametrize(
    ("asked", "capped", "known", "longest"),
    [
        (100, None, None, 100),
        (100, 40, None, 40),
        (None, 40, 50, 40),
        (None, None, 50, 50),
        (100, None, 50, 50),
        (None, None, None, ASSUMED_OUTPUT_TOKENS),
    ],
)
def test_the_longest_answer_is_the_least_of_what_is_known(
    asked: int | None, capped: int | None, known: int | None, longest: int
) -> None:
    facts = CallFacts(model="m", prompt_tokens_est=1, max_tokens=asked)
    state = call(OUTPUT, facts=facts, constraints=Constraints(max_tokens=capped), max_output_tokens=known)
    assert wanted(plan((OUTPUT,)), state, 0) == (longest,)


def test_a_call_that_generates_nothing_wants_only_to_be_made() -> None:
    state = call(*ALL, facts=CallFacts(wants_candidates=True), price=None)
    assert wanted(plan(ALL), state, 0) == (1, 0, 0, 0, 0, 1, 0, 0)


def test_money_without_a_price_is_unenforceable() -> None:
    with pytest.raises(Refused) as caught:
        wanted(plan((USD,)), call(USD, price=None), 10)
    assert caught.value.reasons == ("gateway.unenforceable",)


@pytest.mark.parametrize(
    ("outcome", "usage", "tokens"),
    [
        (Outcome.OK, Usage(input_tokens=7, output_tokens=5), 12),
        (Outcome.OK, UNKNOWN_USAGE, 110),
        (None, UNKNOWN_USAGE, 0),
        (Outcome.NOT_FORWARDED, UNKNOWN_USAGE, 0),
        (Outcome.UPSTREAM_ERROR, UNKNOWN_USAGE, 0),
        (Outcome.UPSTREAM_ERROR, Usage(input_tokens=7, output_tokens=0), 7),
        (Outcome.UPSTREAM_CUT, Usage(input_tokens=7, output_tokens=3, counted=True), 10),
        (Outcome.LIMIT_CUT, Usage(input_tokens=7, output_tokens=300, counted=True), 307),
        (Outcome.CLIENT_CLOSED, Usage(input_tokens=7, output_tokens=3, counted=True), 10),
        (Outcome.CLIENT_CLOSED, UNKNOWN_USAGE, 110),
        (Outcome.FAILED, UNKNOWN_USAGE, 110),
        (Outcome.OK, Usage(input_tokens=7), 110),
    ],
)
def test_a_call_is_settled_by_what_is_known_of_it(outcome: Outcome | None, usage: Usage, tokens: int) -> None:
    state = call(TPH)
    state.outcome, state.usage = outcome, usage
    assert used(plan((TPH,)), state, (110,), 10) == (tokens,)


def test_a_stream_left_before_its_first_piece_costs_its_prompt() -> None:
    state = call(TPH, facts=CallFacts(model="m", prompt_tokens_est=1, stream=True))
    state.outcome = Outcome.CLIENT_CLOSED
    assert used(plan((TPH,)), state, (110,), 10) == (10,)


def test_images_and_audio_of_a_failed_call_cost_nothing() -> None:
    limits = (IMAGES, AUDIO)
    state = call(*limits, facts=CHAT)
    state.outcome = Outcome.UPSTREAM_ERROR
    assert used(plan(limits), state, (3, 4500), 10) == (0, 0)


def test_cached_and_reasoning_tokens_have_prices_of_their_own() -> None:
    usage = Usage(input_tokens=10, cached_input_tokens=4, output_tokens=6, reasoning_tokens=5)
    assert PRICE.cost_microusd(usage) == 6 + 2 + 12
    assert replace(PRICE, reasoning=3_000_000).cost_microusd(usage) == 6 + 2 + 2 + 15
    assert Price(input=150_000, output=600_000).cost_microusd(Usage(input_tokens=1, output_tokens=0)) == 1


counts = st.one_of(st.none(), st.integers(0, 1000))


@given(
    st.builds(
        Usage,
        input_tokens=counts,
        output_tokens=counts,
        cached_input_tokens=counts,
        reasoning_tokens=counts,
    ),
    st.builds(
        Price,
        input=st.integers(0, 10**7),
        output=st.integers(0, 10**7),
        cached_input=st.one_of(st.none(), st.integers(0, 10**7)),
        reasoning=st.one_of(st.none(), st.integers(0, 10**7)),
    ),
)
def test_nothing_costs_more_than_at_the_dearest_price(usage: Usage, price: Price) -> None:
    assert 0 <= price.cost_microusd(usage) <= price.dearest().cost_microusd(usage)
