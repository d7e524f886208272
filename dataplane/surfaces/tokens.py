"""Tokens of texts: counted where the model's tokenizer is known here, else estimated from their bytes.

The tables of `o200k_base` and `cl100k_base` come with `bpe-openai`; nothing is downloaded. A table is
loaded (0.2 s, 50 MB) when first needed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any, Final, Protocol

BYTES_PER_TOKEN: Final = 4
"""About 4 characters of English are a token (OpenAI's "What are tokens"). More bytes a character in
other scripts make the estimate higher there, as their token counts are. `docs/guide-limits.md` states
its measured error."""

PIECE_CHARS: Final = 8_192
"""Counted at once: 0.5 ms of English, 1.4 ms of the densest text measured. Between two pieces of a longer
text others get their turn (a thread would not help: the tokenizer keeps the interpreter). A cut may make
one token two."""

MAX_CHARS: Final = 1 << 20
"""Counted at all, 0.1 to 0.2 s. Beyond it every byte counts as a token, which no text exceeds."""

REMEMBERED: Final = 16_384
SHORTEST_REMEMBERED: Final = 32
LONGEST_REMEMBERED: Final = 4_096
"""Texts whose count is remembered, in all (2 MB) and in characters: every call of a conversation sends all
that was said before. Shorter ones are counted sooner than looked up; of longer ones a caller could tell by
the time that another has sent the same. Of these it saves 0.1 ms at most."""

_ENCODINGS: Final = (
    ("gpt-4o", "o200k_base"),
    ("gpt-4.1", "o200k_base"),
    ("gpt-4.5", "o200k_base"),
    ("gpt-5", "o200k_base"),
    ("gpt-oss", "o200k_base"),
    ("chatgpt-4o", "o200k_base"),
    ("o1", "o200k_base"),
    ("o3", "o200k_base"),
    ("o4", "o200k_base"),
    ("gpt-4", "cl100k_base"),
    ("gpt-3.5", "cl100k_base"),
    ("gpt-35", "cl100k_base"),
)
"""The encoding by how a model's id begins, first match (tiktoken, `model.py`)."""


class Tokenizer(Protocol):
    """What is needed of a tokenizer."""

    def count(self, text: str) -> int:
        """The tokens of a text."""
        ...


_loaded: dict[str, Tokenizer] = {}


@lru_cache(1024)
def encoding_of(model: str) -> str | None:
    """The name of a model's encoding; None where it is not known here. A provider's or fine-tuning prefix
    (`openai/gpt-4o`, `ft:gpt-4o-mini:acme::x`) does not count."""
    name = model.removeprefix("ft:").rsplit("/", 1)[-1]
    return next((encoding for start, encoding in _ENCODINGS if name.startswith(start)), None)


async def count(model: str, texts: list[str]) -> int | None:
    """The tokens of texts, each counted by itself; None where the model's tokenizer is not known."""
    encoding = encoding_of(model)
    if encoding is None:
        return None
    tokenizer = _loaded.get(encoding)
    if tokenizer is None:
        tokenizer = await asyncio.to_thread(_load, encoding)
    if sum(map(len, texts)) <= PIECE_CHARS:
        return sum([_remembered(encoding, tokenizer, text) for text in texts])
    total, left = 0, MAX_CHARS
    for text in texts:
        counted = text[:left]
        left -= len(counted)
        for start in range(0, len(counted), PIECE_CHARS):
            total += _count(tokenizer, (counted[start : start + PIECE_CHARS],))
            await asyncio.sleep(0)
        if len(counted) < len(text):
            total += size(text[len(counted) :])
    return total


def count_now(model: str | None, texts: Iterable[str]) -> int:
    """The same at once, for short texts; estimated where the tokenizer is not known or not loaded yet."""
    encoding = None if model is None else encoding_of(model)
    tokenizer = None if encoding is None else _loaded.get(encoding)
    if tokenizer is None:
        return estimate(sum(size(text) for text in texts))
    return _count(tokenizer, texts)


def estimate(text_bytes: int) -> int:
    """The tokens that so many bytes of text come to."""
    return -(-text_bytes // BYTES_PER_TOKEN)


def size(text: str) -> int:
    """Bytes of a text as UTF-8; a lone surrogate counts as the character that stands in for it."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _load(encoding: str) -> Tokenizer:
    tokenizer = _loaded.get(encoding)
    if tokenizer is None:
        tokenizer = _loaded[encoding] = _bindings().tokenizer_for_encoding(encoding)
    return tokenizer


@cache
def _bindings() -> Any:
    """The compiled half of `bpe-openai`. The half in Python would read every table a second time as it is
    imported (0.5 s, 60 MB), and counts a text only by making its tokens."""
    package = find_spec("bpe_openai")
    spec = PathFinder.find_spec(
        "bpe_openai._bindings", None if package is None else package.submodule_search_locations
    )
    if spec is None or spec.loader is None:
        raise ImportError("bpe_openai is not installed as it should be")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_counts: dict[tuple[str, bytes], int] = {}
"""Of texts by encoding and digest: what a caller has sent is nowhere kept."""


def _remembered(encoding: str, tokenizer: Tokenizer, text: str) -> int:
    if not SHORTEST_REMEMBERED <= len(text) <= LONGEST_REMEMBERED:
        return _count(tokenizer, (text,))
    key = encoding, hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    counted = _counts.get(key)
    if counted is None:
        counted = _count(tokenizer, (text,))
        if len(_counts) >= REMEMBERED:
            _counts.clear()
        _counts[key] = counted
    return counted


def _count(tokenizer: Tokenizer, texts: Iterable[str]) -> int:
    total = 0
    for text in texts:
        try:
            total += tokenizer.count(text)
        except UnicodeEncodeError:
            total += tokenizer.count(text.encode("utf-8", "replace").decode())
    return total
