"""The content that a record of level `full` keeps: texts and origins, without personal data, secrets and what
a site's own patterns and words are for.

Hidden is whatever was found of these kinds, at any level and whatever policy said of it, and what policy had
redacted of others, by placeholders of the record's own, of which nothing can be restored. Where a text could
not be looked at nothing is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import orjson

from dataplane.findings import FAILED, Inspection, Text, selects
from dataplane.inspection_ports import Detector

HIDDEN: Final = ("pii", "secret", "custom")
MAX_CHARACTERS: Final = 200_000
"""Of one request or answer: a record is written before the call goes on, and kept for years."""

BEGUN: Final = 20_000
"""Characters at the end of a text in which something may have begun: longer than the longest private key."""


def kept_content(
    texts: Sequence[Text],
    seen: Inspection,
    detector: Detector,
    *,
    redacted: Sequence[str] = (),
    omitted: int = 0,
) -> str | None:
    """JSON text: a list of objects `origin`, `text`, in order, the last one `{"omitted": N}` where N
    characters are too many, with those that are `omitted` already. None where inspection failed or did not
    see all. `redacted` are patterns of findings that are hidden beside those that always are."""
    hidden = hidden_in(texts, seen, detector, (*HIDDEN, *redacted))
    if hidden is None:
        return None
    told: list[dict[str, str | int]] = []
    left = MAX_CHARACTERS
    for index, text in enumerate(texts):
        said = hidden.get(index, text.text)
        if len(said) > left:
            omitted += len(said) - left
            said = said[:left]
        left -= len(said)
        if said:
            told.append({"origin": text.origin.value, "text": said})
    if omitted:
        told.append({"omitted": omitted})
    return _json(told)


async def without_beginnings(texts: Sequence[Text], detector: Detector) -> Sequence[Text]:
    """Texts that may end in the middle, without what may be the beginning of something that is hidden: a
    stream was cut there, and half a key is none to a detector."""
    certain: list[Text] = []
    for text in texts:
        begun = text.text[-BEGUN:]
        stream = detector.stream(text.origin, HIDDEN)
        passed = stream.feed(begun).text + stream.relax().text
        certain.append(replace(text, text=text.text[: len(text.text) - len(begun)] + passed))
        await asyncio.sleep(0)  # some milliseconds each: other calls have their turn
    return certain


def hidden_in(
    texts: Sequence[Text], seen: Inspection, detector: Detector, kinds: Sequence[str]
) -> Mapping[int, str] | None:
    """The texts that change, by index, where findings of these kinds are hidden, by placeholders of their
    own. None where inspection failed or did not see all."""
    if seen.unread_bytes or any(one.kind == FAILED for one in seen.findings):
        return None
    found = [one for one in seen.findings if selects(kinds, one.kind, one.origin)]
    return detector.redactor().redact(texts, found, kinds) if found else {}


def _json(told: list[dict[str, str | int]]) -> str:
    try:
        return orjson.dumps(told).decode()
    except TypeError:
        # Half a surrogate, which a caller may write as an escape.
        plain = [
            {name: _plain(value) if isinstance(value, str) else value for name, value in one.items()}
            for one in told
        ]
        return orjson.dumps(plain).decode()


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
