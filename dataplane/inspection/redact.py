"""Typed placeholders such as `[EMAIL_1]` where findings stood, alike within one call.

1. Findings that the decision means are laid on the texts; those that overlap are hidden as one, named after
   the longest.
2. In a text that is JSON, only what is inside strings is hidden, and whole numbers, which become strings.
3. The same value gets the same placeholder, numbered by first appearance for each type. A placeholder that
   somebody else's text already holds is never given out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from dataplane.findings import Finding, Origin, Text, selects
from dataplane.inspection.json_spans import JsonText, Stretch, is_json, written

MIN_REPEATED: Final = 6
"""A value of at least so many characters is hidden wherever texts of its origin repeat it, found there or not
(a password is told by the words before it, and those stand there once)."""

REPEATED_WORK: Final = 4_000_000
"""Characters gone through for that, 2 ms: as many values are searched for as that allows."""

MAX_NAME_CHARS: Final = 48
"""Of a type in its placeholder; kinds that a site names may be longer."""

_PLACEHOLDER: Final = re.compile(r"\[[A-Z][A-Z0-9_]{0,63}_[1-9][0-9]{0,8}\]")
_NOT_A_NAME: Final = re.compile(r"[^A-Z0-9]+")
_OF_REQUESTS: Final = frozenset(
    {
        *(Origin.SYSTEM, Origin.DEVELOPER, Origin.USER, Origin.ASSISTANT, Origin.TOOL_RESULT),
        *(Origin.TOOL_DEFINITION, Origin.SCHEMA, Origin.METADATA),
    }
)
"""Origins of which answers have no text."""


@dataclass(slots=True, kw_only=True)
class _Stretch:
    """A part of one text that is to be hidden. `value` is all that was matched, where it lies in other texts
    too; `goes_on` marks what is not the beginning of it."""

    start: int
    end: int
    kind: str
    value: str
    digest: bytes
    goes_on: bool = False


class CallRedactor:
    """Implements `ports.Redactor`. Holds values of the call: dies with it, is never shown."""

    __slots__ = ("_by_digest", "_by_value", "_numbers", "_restorable", "_taken")

    def __init__(self) -> None:
        self._by_value: dict[tuple[str, str], str] = {}
        self._by_digest: dict[tuple[str, bytes], str] = {}
        self._numbers: dict[str, int] = {}
        self._restorable: dict[str, str] = {}
        self._taken: set[str] = set()

    def __repr__(self) -> str:
        return f"CallRedactor(placeholders={len(self._by_value)})"

    def redact(
        self, texts: Sequence[Text], findings: Sequence[Finding], kinds: Sequence[str]
    ) -> Mapping[int, str]:
        """See `ports.Redactor.redact`. What a finding spans over several texts gets its placeholder in the
        first of them; nothing is left of it in the others, but for a text that would be empty."""
        laid = _laid(texts, [one for one in findings if selects(kinds, one.kind, one.origin)])
        if not laid:
            return {}
        _lay_repeated(texts, laid)
        self._note_taken(texts)
        asked = any(text.origin in _OF_REQUESTS for text in texts)
        return {index: self._hidden(texts[index].text, laid[index], asked) for index in sorted(laid)}

    def restore(self, text: str) -> str:
        """See `ports.Redactor.restore`. Only what a request's texts held is restored: what was first hidden
        in an answer stays so. In a text that is JSON the values are written as JSON strings are."""
        if not self._restorable or "[" not in text:
            return text
        inside_json = is_json(text)

        def value(found: re.Match[str]) -> str:
            known = self._restorable.get(found[0])
            if known is None:
                return found[0]
            return written(known) if inside_json else known

        return _PLACEHOLDER.sub(value, text)

    def _hidden(self, text: str, stretches: list[_Stretch], asked: bool) -> str:
        """The text with placeholders for these stretches."""
        document = JsonText(text) if is_json(text) else None
        merged = _merged(text, stretches)
        pieces: list[str] = []
        at = 0
        for each in merged:
            if document is not None:
                parts = document.stretches(each.start, each.end)
            else:
                parts = [Stretch(each.start, each.end, "", text[each.start : each.end])]
            for start, end, quote, said in parts:
                if end <= at:
                    continue
                if each.goes_on and document is None and _left(text, each):
                    placeholder = ""
                else:
                    value = said if each.value == text[each.start : each.end] else each.value
                    placeholder = self._placeholder(each, value, asked and len(parts) == 1)
                pieces += [text[at : max(at, start)], f"{quote}{placeholder}{quote}"]
                at = end
        pieces.append(text[at:])
        return "".join(pieces)

    def _placeholder(self, stretch: _Stretch, value: str, restorable: bool) -> str:
        name = _name(stretch.kind)
        known = self._by_value.get((name, value)) or self._by_digest.get((name, stretch.digest))
        if known is None:
            known = self._new(name)
            if restorable:
                self._restorable[known] = value
        self._by_value.setdefault((name, value), known)
        if stretch.digest:
            self._by_digest.setdefault((name, stretch.digest), known)
        return known

    def _new(self, name: str) -> str:
        while True:
            number = self._numbers[name] = self._numbers.get(name, 0) + 1
            if (placeholder := f"[{name}_{number}]") not in self._taken:
                return placeholder

    def _note_taken(self, texts: Iterable[Text]) -> None:
        """Remember placeholders that are not ours."""
        given = set(self._by_value.values())
        for text in texts:
            if "[" in text.text:
                self._taken.update(found for found in _PLACEHOLDER.findall(text.text) if found not in given)


def _laid(texts: Sequence[Text], findings: Iterable[Finding]) -> dict[int, list[_Stretch]]:
    """The findings' stretches by the index of their text."""
    laid: dict[int, list[_Stretch]] = {}
    for finding in findings:
        value = "".join([texts[span.text].text[span.start : span.end] for span in finding.spans])
        for order, span in enumerate(finding.spans):
            if span.start < span.end:
                stretch = _Stretch(
                    start=span.start,
                    end=min(span.end, len(texts[span.text].text)),
                    kind=finding.kind,
                    value=value,
                    digest=finding.digest,
                    goes_on=order > 0,
                )
                laid.setdefault(span.text, []).append(stretch)
    return laid


def _merged(text: str, stretches: Iterable[_Stretch]) -> list[_Stretch]:
    """The stretches in order, those that overlap made one of the kind of the longest."""
    merged: list[_Stretch] = []
    longest = 0
    for each in sorted(stretches, key=lambda one: (one.start, -one.end)):
        last = merged[-1] if merged else None
        if last is None or each.start >= last.end:
            merged.append(each)
            longest = each.end - each.start
            continue
        kind, digest, goes_on = last.kind, last.digest, last.goes_on and each.goes_on
        if each.end - each.start > longest:
            kind, longest = each.kind, each.end - each.start
        end = max(last.end, each.end)
        same = (last.start, last.end) == (last.start, end)
        merged[-1] = _Stretch(
            start=last.start,
            end=end,
            kind=kind,
            value=last.value if same else text[last.start : end],
            digest=digest if same else b"",
            goes_on=goes_on,
        )
    return merged


def _lay_repeated(texts: Sequence[Text], laid: dict[int, list[_Stretch]]) -> None:
    """Add where texts of the same origin hold the same values once more."""
    values: dict[Origin, dict[str, _Stretch]] = {}
    for index, stretches in laid.items():
        for each in stretches:
            if len(each.value) >= MIN_REPEATED:
                values.setdefault(texts[index].origin, {}).setdefault(each.value, each)
    for origin, known in values.items():
        alike = [(index, text.text) for index, text in enumerate(texts) if text.origin is origin]
        searches = REPEATED_WORK // max(1, sum([len(text) for _, text in alike]))
        for value, each in islice(known.items(), searches):
            for index, text in alike:
                at = text.find(value)
                while at >= 0:
                    there = _Stretch(
                        start=at, end=at + len(value), kind=each.kind, value=value, digest=each.digest
                    )
                    laid.setdefault(index, []).append(there)
                    at = text.find(value, there.end)


def _left(text: str, stretch: _Stretch) -> bool:
    """Whether the text says anything without this stretch: some providers refuse one that is empty."""
    return bool(text[: stretch.start].strip() or text[stretch.end :].strip())


def _name(kind: str) -> str:
    """`EMAIL` of `pii.email`, `INJECTION` of `injection`."""
    name = _NOT_A_NAME.sub("_", kind.rpartition(".")[2].upper()).strip("_")[:MAX_NAME_CHARS]
    return name if name[:1].isalpha() else f"TEXT_{name}".rstrip("_")
