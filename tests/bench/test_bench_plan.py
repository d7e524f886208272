"""What a bench runs, and within which bounds."""

from itertools import groupby

import pytest

from bench.__main__ import main
from bench.plan import MAX_CONNECTIONS, MAX_ROUNDS, QUICK, TARGETS, Plan


def test_every_round_meets_every_target_once():
    runs = list(Plan(connections=(1, 64), rounds=3).runs())
    assert len(runs) == 2 * 3 * len(TARGETS)
    for _, of_round in groupby(runs, key=lambda run: (run.connections, run.round)):
        assert sorted(run.target for run in of_round) == sorted(TARGETS)


def test_targets_take_turns_at_being_first():
    runs = list(Plan(connections=(1,), rounds=len(TARGETS)).runs())
    assert [run.target for run in runs[:: len(TARGETS)]] == list(TARGETS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"connections": ()},
        {"connections": (0,)},
        {"connections": (MAX_CONNECTIONS + 1,)},
        {"rounds": 0},
        {"rounds": MAX_ROUNDS + 1},
        {"seconds": 0.0},
        {"seconds": 3600.0},
    ],
)
def test_a_plan_without_bounds_is_refused(wrong):
    with pytest.raises(ValueError, match="connections"):
        Plan(**wrong)


def test_a_quick_run_takes_about_ten_seconds():
    assert QUICK.load_s < 10


@pytest.mark.parametrize("given", [["--rounds", "0"], ["--connections", "none"], ["--nonsense"]])
def test_wrong_arguments_start_nothing(given, capsys):
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_help_tells_the_options(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in ("--quick", "--output", "--connections", "--rounds"))
