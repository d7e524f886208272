"""Where some thousand fixed words stand in a text, overlapping ones too.

Hyperscan's tables of so many words fit into a processor's cache, those of an automaton do not: between other
work it takes half the time. Where hyperscan has no wheel, the automaton finds the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ahocorasick_rs import BytesAhoCorasick, Implementation

try:
    from dataplane.inspection.engine_hyperscan import HyperscanLiterals
except ImportError:  # no wheel for this machine
    HyperscanLiterals = None  # type: ignore[assignment,misc]

Find = Callable[[bytes], Sequence[tuple[int, int, int]]]
"""All places in a text: the index of the word, and a half-open range of bytes."""


def finder(words: Sequence[bytes], *, hyperscan: bool | None = None) -> Find:
    """What finds these words, each of lower-case letters alone and there once. `hyperscan` asks for one of
    the two engines (None: the quicker one there is). May be used by several threads at once."""
    if hyperscan is False or HyperscanLiterals is None:
        automaton = BytesAhoCorasick(words, implementation=Implementation.DFA)
        return partial(automaton.find_matches_as_indexes, overlapping=True)
    return HyperscanLiterals(words).places
