"""Personal data: cards, accounts, telephone numbers, addresses of mail and machines, national numbers.

The engine says where digits, `@` and names of numbers stand; what is found there is judged by check digits,
by form and by the words before. Row: `skip` lists kinds that are not wanted, `names: true` finds names of
persons where words introduce them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stdnum import iban

from dataplane.findings import Origin
from dataplane.inspection.recognizer import PAUSE, PAUSE_AFTER, Candidate, Hit, Pattern, Recognizer
from dataplane.inspection.recognizers import pii_card, pii_context, pii_ids, pii_net, pii_phone

_NUMBER: Final = r"[+(]{0,2}\d(?:[ .\-/()]{0,3}\d){6,30}"
"""At least seven digits, with up to three other characters of a written number between them."""
_IP6: Final = (
    r"(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}"
    r"|(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}"
    r"|(?:[0-9a-f]{1,4}:){2,7}:"
)
_LETTERED: Final[Mapping[str, str]] = {
    # what the engine looks for where a number has letters and is found without its name
    "es_dni": r"\d{3}[ -]?[A-HJ-NP-TV-Z]\b",
    "es_nie": r"\b[XYZ][ -]?\d{7}",
    "it_codice_fiscale": r"\b[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]\b",
    "fi_hetu": r"\b\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]\b",
    "gb_nino": r"\b[A-Z]{2}[ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[A-D]\b",
    "cn_resident_id": r"\b\d{17}[\dX]\b",
    "mx_curp": r"\b[A-Z]{4}\d{6}[HMX][A-Z]{5}",
}
_NAME: Final = (
    r"(?:my name is|i am called|signed by|regards,?|sincerely,?|dear|mrs?\.?|ms\.?|dr\.?|prof\.?)\s"
)
_NAME_AFTER: Final = re.compile(
    r"\s*((?:[A-Z][\w'’-]+|[A-Z]\.)(?: (?:[A-Z][\w'’-]+|[A-Z]\.|de|van|von|der|la|bin|al)){0,3})"
)

_CARD: Final = re.compile(
    r"(?<!\d)(?<!\d\.)(?:\d{12,19}|\d{4}(?P<a>[ -])\d{4}(?P=a)\d{4}(?P=a)\d{1,7}"
    r"|\d{4}(?P<b>[ -])\d{6}(?P=b)\d{4,5})(?!\d)"
)
_GOES_ON: Final = re.compile(r"[ -]\d{3}")
"""More groups of digits: a row of a table, unless words say that it is a card."""
_SSN: Final = re.compile(r"(?!000|666|9)\d{3}(?P<s>[-.])(?!00)\d\d(?P=s)(?!0000)\d{4}(?!\d|[-.]\d)")
_ITIN: Final = re.compile(r"9\d\d-(?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])-\d{4}(?!\d|-\d)")
_CPF: Final = re.compile(r"\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d)")
_IBAN: Final = re.compile(r"[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,4})?")

ALL_KINDS: Final = frozenset(
    f"pii.{name}"
    for name in ("card", "iban", "phone", "email", "ip", "name", *(each.kind for each in pii_ids.IDS))
)

SURE: Final = 95
"""Score of what check digits or form leave no doubt about."""


def make(row: Mapping[str, Any]) -> Recognizer:
    """See `recognizer.MakesRecognizer`."""
    skip = frozenset(row.get("skip", ()))
    if unknown := skip - ALL_KINDS:
        raise ValueError(f"pii: skip names {sorted(unknown)[0]!r}, which is none of its kinds")
    return _Pii(skip, names=bool(row.get("names", False)))


@dataclass(frozen=True, slots=True)
class _Form:
    kind: str
    form: re.Pattern[str]
    checks: Callable[[str], bool]
    loose: bool = False


class _Pii:
    def __init__(self, skip: frozenset[str], *, names: bool) -> None:
        self._skip = skip
        self._lettered: dict[str, _Form] = {}
        self._named: dict[str, _Form] = {}
        patterns = [
            Pattern(id="pii.number", regex=_NUMBER),
            Pattern(id="pii.at", regex=r"@[\w]", needle=True),
            Pattern(id="pii.ip4", regex=r"\d{1,3}(?:\.\d{1,3}){3}"),
            Pattern(id="pii.ip6", regex=_IP6),
            Pattern(id="pii.iban", regex=r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?"),
        ]
        for each in pii_ids.IDS:
            if f"pii.{each.kind}" in skip:
                continue
            form = _Form(
                f"pii.{each.kind}", pii_ids.compiled(each.form), pii_ids.checker(each.module), each.loose
            )
            self._named[f"pii.says_{each.kind}"] = form
            patterns.append(Pattern(id=f"pii.says_{each.kind}", regex=each.words, needle=True))
            if each.alone and each.kind in _LETTERED:
                self._lettered[f"pii.{each.kind}"] = form
                patterns.append(
                    Pattern(id=f"pii.{each.kind}", regex=_LETTERED[each.kind], caseless=False, needle=True)
                )
        self._digits_alone = [
            self._named[f"pii.says_{each.kind}"]
            for each in pii_ids.IDS
            if each.alone and each.kind not in _LETTERED and f"pii.{each.kind}" not in skip
        ]
        if names:
            patterns.append(Pattern(id="pii.name", regex=_NAME, needle=True))
        self.patterns: Sequence[Pattern] = tuple(patterns)

    def recognize(self, text: str, hits: Sequence[Hit], origin: Origin) -> Iterable[Candidate]:
        """What is found, none overlapping another: the surest first."""
        found: list[Candidate] = []
        numbers: list[Hit] = []
        for count, hit in enumerate(hits, 1):
            if count % PAUSE_AFTER == 0:
                yield PAUSE
            match hit.pattern:
                case "pii.number":
                    numbers.append(hit)
                case "pii.at":
                    if span := pii_net.email(text, hit.end - 2):
                        found.append(Candidate("pii.email", SURE, *span))
                case "pii.ip4":
                    if score := pii_net.ip4(text, hit.start, hit.end):
                        found.append(Candidate("pii.ip", score, hit.start, hit.end))
                case "pii.ip6":
                    if score := pii_net.ip6(text, hit.start, hit.end):
                        found.append(Candidate("pii.ip", score, hit.start, hit.end))
                case "pii.iban":
                    found.extend(_iban(text, hit))
                case "pii.name":
                    if named := _NAME_AFTER.match(text, hit.end):
                        found.append(Candidate("pii.name", 60, named.start(1), named.end(1)))
                case pattern if pattern in self._named:
                    found.extend(_named(text, hit.end, self._named[pattern]))
                case pattern:
                    found.extend(_lettered(text, hit.end, self._lettered[pattern]))
        for count, hit in enumerate(numbers, 1):
            if count % PAUSE_AFTER == 0:
                yield PAUSE
            found.extend(self._number(text, hit))
        yield from _apart([each for each in found if each.kind not in self._skip])

    def _number(self, text: str, hit: Hit) -> Iterable[Candidate]:
        start, end = hit.start, hit.end
        if start and (text[start - 1].isalnum() or text[start - 1] == "_"):
            return
        if start > 1 and text[start - 1] == "-" and text[start - 2].isalnum():
            return
        if text[end : end + 1] == "_" or pii_context.counts(text, end):
            return
        words = pii_context.before(text, start)
        thing = pii_context.names_thing(words)
        for card in _CARD.finditer(text, start, end):
            said = not thing and pii_context.says_card(words)
            if text[card.end() : card.end() + 1].isalpha() or (
                not said
                and (
                    _GOES_ON.match(text, card.end())
                    or pii_context.speaks_of_thing(words)
                    or pii_context.names_id(words)
                )
            ):
                continue
            digits = "".join(filter(str.isdigit, card[0]))
            grouped = len(digits) < len(card[0])
            if pii_card.is_card(digits, said=said, grouped=grouped):
                plain = grouped or said or pii_card.tells(digits) or pii_context.pays(text, *card.span())
                yield Candidate("pii.card", SURE if said else 85 if plain else 40, card.start(), card.end())
                return
        for each in self._digits_alone:
            if (number := each.form.match(text, start)) and each.checks(number[0]) and not thing:
                yield Candidate(each.kind, SURE, number.start(), number.end())
                return
        if not thing:
            for kind, form in (("pii.us_ssn", _SSN), ("pii.us_itin", _ITIN), ("pii.br_cpf", _CPF)):
                number = form.match(text, start)
                if (
                    number
                    and (kind != "pii.br_cpf" or _cpf(number[0]))
                    and not text[number.end() : number.end() + 1].isalpha()
                ):
                    yield Candidate(kind, SURE, number.start(), number.end())
                    return
        says_phone = not thing and (pii_context.says_phone(words) or pii_context.labelled_phone(text, end))
        phone = pii_phone.find(text, start, end, said=says_phone, other=thing)
        if phone is not None:
            yield Candidate("pii.phone", *phone)


def _apart(found: list[Candidate]) -> list[Candidate]:
    """The surest of those that overlap; the list is in the order of what ends first."""
    if len(found) < 2:
        return found
    kept: list[Candidate] = []
    reach = -1
    for each in sorted(found, key=lambda each: (each.start, -each.score)):
        if each.start >= reach:
            kept.append(each)
            reach = each.end
        elif each.score > kept[-1].score:
            kept[-1] = each
            reach = each.end
    return kept


_cpf: Final = pii_ids.checker("br.cpf")


def _iban(text: str, hit: Hit) -> Iterable[Candidate]:
    """The longest beginning of the hit that mod 97 and its country's length confirm."""
    end = hit.end
    while end - hit.start >= 15:
        value = text[hit.start : end]
        if iban.is_valid(value, check_country=False):
            if not text[end : end + 1].isalnum():
                yield Candidate("pii.iban", SURE, hit.start, end)
            return
        shorter = value.rfind(" ")
        if shorter < 0:
            return
        end = hit.start + shorter


def _named(text: str, at: int, form: _Form) -> Iterable[Candidate]:
    """The numbers of a form that follow its name."""
    for number in form.form.finditer(text, at, min(len(text), at + pii_ids.REACH + 24)):
        if number.start() - at > pii_ids.REACH:
            return
        if form.checks(number[0]):
            yield Candidate(form.kind, SURE, number.start(), number.end())
            return
        if form.loose and pii_context.is_said(text[at : number.start()]):
            yield Candidate(form.kind, 65, number.start(), number.end())
            return


def _lettered(text: str, at: int, form: _Form) -> Iterable[Candidate]:
    """The number that ends about where the hit ends."""
    for number in form.form.finditer(text, max(0, at - 24), min(len(text), at + 8)):
        words = pii_context.before(text, number.start())
        if number.end() >= at and form.checks(number[0]) and not pii_context.speaks_of_thing(words):
            yield Candidate(form.kind, 85, number.start(), number.end())
            return
