"""Source code and financial decisions are recognised, and prose about them is not."""

from __future__ import annotations

import pytest

from dataplane.inspection.recognizers import code, financial
from tests.inspection.signals_kit import MEDIUM, score


@pytest.mark.parametrize(
    "text",
    [
        "def area(r):\n    return 3.14 * r * r\n",
        "```python\nprint(1)\n```",
        "#include <stdio.h>\nint main(void) {\n  return 0;\n}\n",
        "for (let i = 0; i < 3; i++) {\n  console.log(i);\n}\n",
        "SELECT name FROM users WHERE id = 7;",
    ],
)
def test_code_is_recognised(text: str) -> None:
    assert score(code.make, text) >= MEDIUM


@pytest.mark.parametrize(
    "text",
    [
        "Please import the goods, class starts at nine; return the books (all of them).",
        "Select a topic from the list; update me.",
        '{"name": "lemon", "price": 3}',
    ],
)
def test_prose_and_data_are_no_code(text: str) -> None:
    assert score(code.make, text) < MEDIUM


@pytest.mark.parametrize(
    "text",
    [
        "Decide whether to approve the loan application of an applicant with a credit score of 610.",
        "Should I put my savings into index funds or sell my shares?",
        "Deny the insurance claim, the policy had lapsed.",
        "The mortgage was denied because of the debt-to-income ratio.",
    ],
)
def test_financial_decisions_are_recognised(text: str) -> None:
    assert score(financial.make, text) >= MEDIUM


@pytest.mark.parametrize(
    "text",
    [
        "How do I check the balance of my credit card?",
        "What is compound interest?",
        "He shares his stock of lemons with the bank clerk.",
    ],
)
def test_talk_of_money_is_no_financial_decision(text: str) -> None:
    assert score(financial.make, text) < MEDIUM
