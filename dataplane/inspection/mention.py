"""Whether a sign is used or only mentioned: negated, told of others, quoted by who speaks about attacks."""

from __future__ import annotations

from typing import Final

import re2

from dataplane.inspection.evidence import Sign

NEGATED: Final = 0.2
MENTIONED: Final = 0.3
ASKED: Final = 0.5
GUARDED: Final = 0.45
"""What a sign counts that says not to do it, or that others do it; that is quoted by one who speaks about
attacks; that stands in a question of how it is done or in what a story is to be about, or is an ordinary
turn of technical prose (`override previous rules`); that stands beside an order to keep the prompt secret,
as the prompts of applications have it."""

BEFORE: Final = 60
NEAR: Final = 200
GUARD_BEFORE: Final = 400
GUARD_AFTER: Final = 200
"""Code points around a sign in which that is looked for: directly before it, around a quotation, and where
prompts speak of being kept secret."""

NEGATION_MEANT: Final = frozenset(
    {
        "begin_with",
        "broken_free",
        "canary",
        "always_comply",
        "harm_allowed",
        "harm_named",
        "harm_request",
        "never_refuse",
        "no_excuse",
        "no_limits",
        "no_morals",
        "not_as_itself",
        "no_warnings",
        "not_the_user",
        "stay_in_character",
        "trigger_prefix",
        "unrestricted_ai",
    }
)
"""Signs that mean the same when negated (`never break character`)."""

GUARDABLE: Final = frozenset({"prompt", "prompt_start"})
"""Families that an order to keep the prompt secret speaks of."""

_OTHERS: Final = (
    r"\b(?:users?|someone|anyone|people|they|person|attackers?|hackers?|prompts?|messages?)\b[^.\n]{0,20}?"
    r"\b(?:tr(?:y|ies|ied)|attempt(?:s|ed)?|ask(?:s|ed)?|tell(?:s|ing)?|told|wants?|instructs?|says?|types?"
    r"|writes?)(?: (?:you|it|me|them|the \w+))?(?: to)?|\b(?:tried|trying|attempts?) to"
)
_NOT: Final = re2.compile(
    r"(?i)(?:\b(?:not|never|cannot|can ?not|rather than|instead of|avoid|refuse to|nicht|niemals|nunca"
    r"|jamais|non|mai|não|niet|nooit)|n[’']t|(?:^|\s)(?:не|никогда)"
    rf"|{_OTHERS})[\s\"'“‘:,]+(?:\w+ly\s+|ever\s+|just\s+|se\s+|te\s+|vous\s+)*$"
    r"|n[’']$|(?:不要|别|請勿|请勿|勿|不能|不可|不得|不会)$"
)
_NOT_WITHIN: Final = re2.compile(
    r"(?i)^(?:vergiss|vergesst|vergessen sie|ignorier\w*|oubli\w+|vergeet|negeer|glöm|glem|ignorera"
    r"|ignorer)\s+(?:\S+\s+)?(?:nicht|pas|jamais|niet|inte|ikke)\b|忘れ(?:ない|ず)|無視しない"
)
_NOT_AFTER: Final = re2.compile(r"^\S{0,4}(?:하지|지)\s?(?:말|마|않)")
_ORDINARY: Final = re2.compile(
    r"(?i)^(?:overrid|overrul|bypass|discard|abandon|dismiss)\w*(?:\s+\w+)*?\s+(?:rules?|constraints?"
    r"|restrictions?"
    r"|directions?|orders?|commands?|programming)$"
)
_YOURS: Final = re2.compile(r"(?i)\byour\b|\ball\b")
_ASKED_HOW: Final = re2.compile(
    r"(?i)(?:\bhow (?:do|can|could|would|should|to|does|might)|\bwhy (?:do|does|is|are|can|would)"
    r"|\b(?:is|are) there (?:a|any) ways? to|\bwhat happens (?:if|when)|\bwhat (?:does|is) )[^.?\n]{0,40}$"
)
_TO_JUDGE: Final = re2.compile(
    r"(?i)\b(?:classif(?:y|ies)|analy[sz]e|label|categori[sz]e|rate|detect|review)\b"
    r"[^\n]{0,70}:\s*[\"'“‘`]?\s*$|(?i)\btranslate\b[^\n]{0,30}:\s*[\"“‘]$"
)
_EXAMPLE: Final = re2.compile(
    r"(?i)^[\"'”’]?\s(?:is|was|are) (?:an? |the )?(?:[\w-]+ )?(?:examples?|phrases?|attacks?"
    r"|injections?|malicious)\b"
)
_OWN_PASSWORD: Final = re2.compile(
    r"(?i)\b(?:reset|recover|chang|updat|forg[eo]t|chos|choos|confirm|verif|restor|renew)\w*\b[^.\n]{0,20}"
    r"\b(?:passwords?|passcode|passphrase|credentials)\b"
)
_TOLD_OF: Final = re2.compile(
    r"(?i)\b(?:write|tell|create|draft|compose|summari[sz]e|read|watch)\b[^.\n]{0,30}"
    r"\b(?:story|novel|essay|poem|script|article|report|blog|paper|film|movie|book|screenplay|e-?mail"
    r"|letter|message|newsletter|function"
    r"|program|code|query|class"
    r"|method)\b (?:about|on|where|in which|of|that|to|which|for)\b[^.\n]*$"
)
_OPENING: Final = "\"'“‘«`「『„‚*"
_CLOSING: Final = "\"'”’»`」』“*"
_ABOUT: Final = re2.compile(
    r"(?i)\b(?:attack(?:s|er|ers)?|injections?|jailbreak(?:s|ing)?|exploits?|detect(?:s|ion|ing|or)?"
    r"|filters?|classif\w+|block(?:s|ed|ing)|defend|defen[cs]e|mitigat\w+|red[- ]?team\w*|phrases?"
    r"|such as|for example|e\.g\.|examples?|unit test|test case|regex|warning|explain(?:s|ing)?"
    r"|mean(?:s|ing)?|called|known as|prevent\w*|protect\w*|effective\w*|techniques?|vulnerab\w*"
    r"|malicious|adversarial|security|angriff\w*|beispiel\w*|ejemplo\w*|ataque\w*|exemple\w*|attaque\w*)\b"
)
_GUARD: Final = re2.compile(
    r"(?i)\b(?:never|do not|don[’']t|cannot|can[’']t|no circumstances|refuse|decline|must not|should not"
    r"|not (?:allowed|permitted) to|avoid|refrain|keep|won[’']t|will not|no matter what|protect(?:ing)?)\b"
    r"[^\n]{0,80}?\b(?:reveal(?:ing)?|shar(?:e|ing)|disclos(?:e|ing)|leak(?:ing)?|expos(?:e|ing)"
    r"|divulg(?:e|ing)|provide|output|print|repeat|display|show|write|give|tell|confidential|secret"
    r"|private)"
    r"\b[^\n]{0,60}?\b(?:instructions?|prompts?|rules|guidelines|configuration|files?|details)\b"
    r"|\bif (?:the |a |an |any |some)?(?:user|someone|anyone|person|people|they|one)s? (?:\w+ )?"
    r"(?:ask|tr(?:y|ies)|say|attempt|want|request|instruct|tell|demand|type|mention)"
)


def share(text: str, sign: Sign) -> float:
    """What the points of `sign` are to be multiplied by: 1, or less where it is only mentioned."""
    before = text[max(0, sign.start - BEFORE) : sign.start]
    if sign.signal.name not in NEGATION_MEANT and (
        _NOT.search(before)
        or _NOT_WITHIN.search(text[sign.start : sign.end])
        or _NOT_AFTER.search(text[sign.end : sign.end + 10])
    ):
        return NEGATED
    words = text[sign.start : sign.end]
    if _ORDINARY.search(words) and not _YOURS.search(words):
        return ASKED
    if _ASKED_HOW.search(before) or _TOLD_OF.search(before):
        return ASKED
    if sign.signal.family == "secret" and _OWN_PASSWORD.search(words):
        return ASKED
    if _quoted_about(text, sign, before) or _to_judge(text, sign):
        return MENTIONED
    if sign.signal.family in GUARDABLE and _GUARD.search(
        text[max(0, sign.start - GUARD_BEFORE) : sign.end + GUARD_AFTER]
    ):
        return GUARDED
    return 1.0


def _to_judge(text: str, sign: Sign) -> bool:
    """Whether a sentence is given to be classified and is all that is given, or is called an example."""
    after = text[sign.end : sign.end + NEAR]
    if _EXAMPLE.search(after):
        return True
    return len(after) <= BEFORE and _TO_JUDGE.search(text[max(0, sign.start - NEAR) : sign.start]) is not None


def _quoted_about(text: str, sign: Sign, before: str) -> bool:
    opening = before.rstrip()[-1:]
    if not opening or opening not in _OPENING:
        return False
    ends = [at for mark in _CLOSING if (at := text.find(mark, sign.end, sign.end + NEAR)) >= 0]
    if not ends:
        return False
    closing = min(ends)
    around = text[max(0, sign.start - NEAR) : sign.start] + text[closing : closing + NEAR]
    return _ABOUT.search(around) is not None
