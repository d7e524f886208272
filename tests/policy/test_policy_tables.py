"""What Python reads of the models table, and what it takes for no price."""

from typing import Any

import pytest

from dataplane.policy.result import Malformed
from dataplane.policy.tables import ModelFacts, read_tables
from dataplane.quantities import Price

ROWS = {
    "gpt-4o-mini": {
        "price": {"input": 0.15, "output": 0.6, "cached_input": 0.075, "reasoning": 1},
        "max_output_tokens": 16_384,
    },
    "gpt-4o-mini-*": {"price": {"input": 0.15, "output": 0.60}},
    "gpt-*": {"price": {"input": 10, "output": 30}},
    "*": {"data_class": "internal"},
}


def test_the_own_row_counts_then_the_longest_pattern() -> None:
    tables = read_tables("r-1", ROWS)
    assert (tables.revision, tables.models) == ("r-1", ("gpt-4o-mini",))
    assert tables.model("gpt-4o-mini") == ModelFacts(
        price=Price(input=150_000, output=600_000, cached_input=75_000, reasoning=1_000_000),
        max_output_tokens=16_384,
    )
    assert tables.model("gpt-4o-mini-2024").price == Price(input=150_000, output=600_000)
    assert tables.model("gpt-5").price == Price(input=10_000_000, output=30_000_000)
    assert tables.model("llama") == tables.model(None) == ModelFacts()
    assert read_tables("r", {}).model("gpt-5") == ModelFacts()


@pytest.mark.parametrize(
    "price",
    [
        None,
        7,
        [],
        {},
        {"input": 1},
        {"input": 1, "output": None},
        {"input": 1, "output": "2"},
        {"input": True, "output": 2},
        {"input": -1, "output": 2},
        {"input": 1, "output": float("inf")},
        {"input": 1, "output": 1e300},
        {"input": 1, "output": 2, "cached_input": -1},
        {"input": 1, "output": 2, "reasoning": None},
    ],
)
def test_what_is_no_price_is_none_rather_than_free(price: Any) -> None:
    assert read_tables("r", {"m": {"price": price}}).model("m").price is None


@pytest.mark.parametrize("most", [0, -1, 1.5, True, "9", 2**53])
def test_a_longest_answer_that_cannot_be_is_unknown(most: Any) -> None:
    assert read_tables("r", {"m": {"max_output_tokens": most}}).model("m").max_output_tokens is None


@pytest.mark.parametrize("table", [None, [], "x"])
def test_a_table_that_is_none_is_malformed(table: Any) -> None:
    with pytest.raises(Malformed):
        read_tables("r", table)
    assert read_tables("r", {"m": table}).model("m") == ModelFacts()
