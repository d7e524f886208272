"""A quicker `__init__` changes nothing but its cost."""

import copy
import dataclasses
import pickle
from dataclasses import dataclass, field

import pytest

from dataplane import domain, frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    name: str
    count: int = 3
    tags: dict[str, str] = field(default_factory=dict)
    secret: bytes = field(default=b"", repr=False)


@frozen.quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Quick:
    name: str
    count: int = 3
    tags: dict[str, str] = field(default_factory=dict)
    secret: bytes = field(default=b"", repr=False)


def test_it_makes_what_the_generated_one_makes():
    for given in ({"name": "a"}, {"name": "b", "count": 0, "tags": {"x": "y"}, "secret": b"s"}):
        stock, quick = Stock(**given), Quick(**given)
        assert type(quick) is Quick
        assert dataclasses.asdict(quick) == dataclasses.asdict(stock)
        assert repr(quick) == repr(stock).replace("Stock", "Quick")
        assert quick == Quick(**given) != Quick(**given | {"count": 99})
    assert Quick(name="a").tags is not Quick(name="a").tags


def test_what_is_made_is_frozen():
    quick = Quick(name="a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        quick.count = 4
    with pytest.raises(dataclasses.FrozenInstanceError):
        del quick.name
    with pytest.raises((AttributeError, TypeError)):  # no other attributes: slots
        quick.other = 1
    assert not hasattr(quick, "__dict__")


def test_replace_copy_and_pickle_work():
    quick = Quick(name="a", tags={"x": "y"})
    assert dataclasses.replace(quick, count=5) == Quick(name="a", count=5, tags={"x": "y"})
    assert copy.deepcopy(quick) == quick == pickle.loads(pickle.dumps(quick))


@pytest.mark.parametrize("args", [{}, {"name": "a", "unknown": 1}])
def test_missing_and_unknown_arguments_are_refused(args):
    with pytest.raises(TypeError, match=r"name|unknown"):
        Quick(**args)
    with pytest.raises(TypeError):
        Quick("a")


def test_it_keeps_to_classes_of_its_form():
    @dataclass(slots=True, kw_only=True)
    class Thawed:
        name: str

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Checked:
        name: str

        def __post_init__(self):
            raise ValueError

    @dataclass(frozen=True, slots=True)
    class Positional:
        name: str

    for other in (Thawed, Checked, Positional, int):
        with pytest.raises(TypeError):
            frozen.quick_init(other)


def test_the_nouns_of_a_call_are_frozen():
    for noun in vars(domain).values():
        if dataclasses.is_dataclass(noun) and noun is not domain.CallState:
            assert noun.__dataclass_params__.frozen, noun
            assert noun.__setattr__ is not object.__setattr__
