"""Toxicity: slurs, insults aimed at someone, threats and attacks on groups. Not mere profanity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import re2

from dataplane.inspection.evidence import Evidence, Sign
from dataplane.inspection.recognizer import Recognizer
from dataplane.inspection.recognizers.toxicity_lexicon import SIGNALS

APART: Final = 160
"""Code points between signs of one outburst: about two sentences."""

AROUND: Final = 90
"""Code points around a word in which what shows its harmless sense is looked for."""

HARMLESS: Final = 0.15
SPOKEN_ABOUT: Final = 0.4
"""What a word counts in its harmless sense, and where it is spoken about as a word."""

_HARMLESS: Final = re2.compile(
    r"(?i)chinks? in (?:the|his|her|their|its|my|our)|spic (?:and|&|n) span|maine coon|coon ?(?:hound|cat"
    r"|dog)|dykes? and (?:levees|ditches)|(?:flood|sea|drainage|magmatic|volcanic|igneous|basalt\w*) dykes?"
    r"|dykes? (?:swarms?|breach\w*)"
    r"|pussy ?(?:cat|willow|foot|riot)|(?:garden|farm|soil|weed\w*|rake|shovel|plough|backhoe|dirt"
    r"|crops?)\b[^.\n]{0,60}\bhoes?\b|\bhoes?\b[^.\n]{0,60}\b(?:garden|farm|soil|weeds?|rake|shovel|plough"
    r"|crops?)|(?:fire|flame)[- ]retard|retarded (?:time|potential|ignition|growth)|flame retard"
    r"|(?:female|pregnant|whelping|brood|stud|pedigree|puppies|litter|breeder\w*"
    r"|kennel)\b[^.\n]{0,50}\bbitch|\bbitch\b[^.\n]{0,50}\b(?:puppies|litter|whelp\w*|kennel|breeder)"
    r"|nigg(?:ard|le|ling)|redneck riviera|saltine|ritz|queer (?:theory|studies|eye|community|people|youth)"
    r"|smok\w+ (?:\w+ )?fags?\b|pack of fags|light(?:ed)? up a fag|meatballs?\b|embankments?\b"
    r"|levees?\b|moby dick|cock(?:pit|tail|roach)|homo sapiens"
)
_SPOKEN_ABOUT: Final = re2.compile(
    r"(?i)\b(?:slurs?|epithets?|derogatory|pejorative|offensive (?:word|term|language)|insults?|the (?:word"
    r"|term|phrase)|hate speech|calling (?:someone|people|me|her|him|them)|called (?:me|him|her|them|us)"
    r"|verbal abuse|bull(?:y|ied|ying)|harass\w*|etymology|definition|meaning of|what does|moderat(?:e|ion"
    r"|or)|classif\w+|detect\w*|reported|report|(?:saying|say|said|says) (?:that |things like )?[\"'“‘]"
    r"|is (?:wrong|unacceptable|not (?:ok(?:ay)?|acceptable)|hateful|never ok(?:ay)?)"
    r"|threaten(?:s|ed|ing) to|(?:things|stuff|messages|comments|posts|something) like|shows how"
    r"|told (?:me )?to|treats?|say(?:s|ing)? that"
    r"|(?:people|anyone|someone|those|everyone) who (?:says?|thinks?|calls?|uses?|hates?|believes?)"
    r"|(?:it[’']?s|is it|be) ok(?:ay)? to|how misguided|will get (?:you|him|her|them|blocked|banned)"
    r"|(?:call(?:ing)?|i[’']?m|i am|being) (?:myself |ourselves )?an? (?:fag|dyke|queer)"
    r"|call(?:ing)? (?:myself|ourselves)|love to all my|proud to be)\b"
)
_OF_HARM: Final = re2.compile(
    r"(?i)^\s+(?:to be (?:treated|tortured|killed|executed|hurt|harmed|attacked|abused|hated"
    r"|mistreated|insulted)"
    r"|to (?:die|suffer)|th(?:is|at)\b|(?:any|such) (?:of this|hate|abuse|treatment))"
)
"""What nobody deserves: who says that takes their side."""
_NOT: Final = re2.compile(
    r"(?i)(?:n[’']t|\bnot|\bnever|\bno one|\bnobody|\bno)(?: (?:really|ever|think|say|said|believe"
    r"|that|mean|all))*\s*$"
)


def _sense(text: str, sign: Sign) -> float:
    around = text[max(0, sign.start - AROUND) : sign.end + AROUND]
    if _HARMLESS.search(around):
        return HARMLESS
    if _NOT.search(text[max(0, sign.start - 40) : sign.start]):
        return HARMLESS
    if text[sign.start : sign.end].endswith("deserve") and _OF_HARM.search(
        text[sign.end : sign.end + AROUND]
    ):
        return HARMLESS
    return SPOKEN_ABOUT if _SPOKEN_ABOUT.search(around) else 1.0


def make(row: Mapping[str, Any]) -> Recognizer:
    """The recognizer of `toxicity`. `weights` of the row changes the points of signals by name."""
    return Evidence("toxicity", SIGNALS, row, judge=_sense, apart=APART, each=True)
