"""Words that attacks are made of: what disguised text is looked for, and what it is read as."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final


def words(text: str) -> tuple[str, ...]:
    """The words of a list that is written as a text."""
    return tuple(text.split())


def phrases(text: str) -> tuple[str, ...]:
    """The phrases of a list that is written as a text, with commas."""
    return tuple(" ".join(phrase.split()) for phrase in text.split(","))


KEYS: Final = words(
    """
ignore ignoring disregard forget bypass override overwrite reveal previous instruction instructions system
prompt prompts guidelines restriction restrictions unrestricted jailbreak password passwords secret
secrets developer confidential pretend safety filters policies everything credentials hidden verbatim
uncensored unfiltered roleplay directive directives exfiltrate constraints limitations
"""
)
"""Words whose disguised form says that something is hidden: long enough to be found within other letters, and
in nearly every attack."""

ABUSE: Final = words(
    "fuck fucking fucker shit bitch bitches cunt idiot moron whore slut bastard asshole retard nigger faggot"
    " wetback tranny shemale immigrants women muslims disabled hate stupid trash vermin disgusting cancer"
    " worthless queer cripple subhuman pathetic"
)
"""Words that are looked for with digits for letters, and not in other disguises: they are too short."""

PHRASES: Final = phrases(
    """
ignore all, ignore any, ignore the, ignore your, ignore my, ignore every, ignore previous, ignore prior,
ignore above, ignore these, ignore those, ignore safety, ignore system, ignore rules, ignore instructions,
disregard all, disregard any, disregard the, disregard your, disregard previous, disregard prior, forget
all, forget every, forget your, forget previous, forget the, bypass all, bypass the, bypass your, override
the, override your, override all, override safety, reveal the, reveal your, reveal system, reveal all,
show the system, show your system, print the system, print your, previous instructions, prior
instructions, your instructions, system prompt, do anything now, developer mode, you are now, from now on,
no restrictions, without restrictions, initial prompt, hidden prompt, system message
"""
)
"""Pairs of words that say the same where they stand without the spaces that belong between them."""

_PLAIN: Final = words(
    """
a able about above access accordance act acting activated add admin administrator after again agree ai all
allow allowed also always am amoral an and another answer answers any anything api are as ask asked
assistant at attached away back base be because become been before begin beginning being below between bot
bound break but by call can cannot card chat chatbot chatgpt check code command commands company complete
completely configuration contents context continue contrary conversation copy could credit current dan
data database debug default delete describe details developer did different disable disabled display do
document documents does done dont down during each earlier else email emails enable enabled end ensure
enter entire env environment ethical ethics every everyone evil exactly execute exist explain explicit
fail false fiction file files filter filtered first follow following for free freely from full fully
function further gave give given go going gpt guardrails guide had harmful has hate have he hello help her
here him his history hold how http https i if illegal im immediately immoral important in include
including information initial inner input inside instead instruct instructed internal into is it its
itself just keep key keys know language last leak let level like limit limits line link list location log
login longer made make malicious many master may me means memory message messages mode model moral more
morals most must my name need never new next no none normal not nothing now number obey of off offensive
ok old on once one only open openai operator or order orders original other our out output over own owner
page paragraph part past paste person persona phrase please print prior private process program programmed
prohibited protocol protocols provide public purpose put question quote rather read real really refuse
regardless release remember remove repeat replace reply request require reset respond response responses
result return right role root rule rules run said same say see send sensitive sent set she should show
shut shutdown simulate since so some start starting state statement states stay step stop stored story
such summarize sure switch table take task tell text than that the their them then there these they thing
things this those through time to told token tokens tool tools top translate true try two under understand
unethical unlimited unlock until up update upon upload url use used user users using very was way we
website were what whatever when where which while who why will with within without word words work would
write wrote yes yesterday you your yours yourself address alone around best better build built cause
change come create day everybody exact fact few find fine form found game generate get good great hand
high hint home human imagine inform knowledge large leave live long look main man matter mean mind might
month much near note often person place play point present problem raw reason rest security session
sentence small someone something special still swear talk tests think third today told under utterance
want warning world year years zero attack bomb bombs build drug drugs explosive gun hack hacker hacking
kill malware meth phishing poison steal virus weapon weapons fuck fucking shit bitch cunt idiot moron
stupid whore slut bastard asshole retard nigger faggot wetback tranny shemale mong immigrant immigrants
women woman muslim muslims jews trans disabled scum vermin disgusting trash cancer worthless
queer cripple cripples subhuman pathetic gay black
"""
)

VOCABULARY: Final = frozenset((*KEYS, *_PLAIN))
"""Words that letters without spaces are divided into."""

LONGEST: Final = max(map(len, VOCABULARY))

_SHORT: Final = 4
"""Letters of words whose orders are words of their own (`from` and `form`)."""
_UNKNOWN: Final = 3.0
_WORD: Final = 1.0
_SINGLE: Final = 2.0
"""What a letter of no word, a word, and a word of one letter cost: few long words come cheapest."""
_WHOLE: Final = 0.9
"""What a word that was written as one costs: less than any other."""


def divide(letters: str, whole: Mapping[int, int] = MappingProxyType({})) -> list[str]:
    """Lower-case letters without spaces as the fewest words of the vocabulary; what is in none of them stays
    together. `whole` has words as they were written: where each begins, by its end. Costs some 15 look-ups a
    letter."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(letters) + 1):
        cost, begin = best[end - 1][0] + _UNKNOWN, end - 1
        for start in range(max(0, end - LONGEST), end):
            word = letters[start:end]
            if word in VOCABULARY:
                price = best[start][0] + (_WORD if end - start > 1 else _SINGLE)
                if price < cost:
                    cost, begin = price, start
        if (start := whole.get(end, -1)) >= 0 and best[start][0] + _WHOLE < cost:
            cost, begin = best[start][0] + _WHOLE, start
        best.append((cost, begin))
    words: list[str] = []
    end, strange = len(letters), len(letters)
    while end:
        begin = best[end][1]
        if end - begin > 1 or letters[begin] in VOCABULARY:
            if strange > end:
                words.append(letters[end:strange])
            words.append(letters[begin:end])
            strange = begin
        end = begin
    if strange:
        words.append(letters[:strange])
    return words[::-1]


@cache
def without_doubles(word: str) -> str:
    """`word` with each run of one letter as a single one."""
    return "".join(letter for at, letter in enumerate(word) if at == 0 or word[at - 1] != letter)


@cache
def corrections() -> dict[str, str]:
    """Which word is meant, by forms that misspellings of a key word share (`forms`), by a key word with a
    letter left out, and by other words without their doubled letters or in another order."""
    found = {
        word[:at] + word[at + 1 :]: word for word in KEYS if len(word) > 5 for at in range(1, len(word) - 1)
    }
    found.update(("=" + without_doubles(word), word) for word in _PLAIN if len(word) > 2)
    found.update((form, word) for word in _PLAIN if len(word) > _SHORT for form in forms(word))
    found.update((form, word) for word in KEYS for form in forms(word))
    return found


def forms(word: str) -> tuple[str, ...]:
    """What a misspelling keeps of its word: its letters without doubles; its first and last letter with those
    between in any order."""
    return word, "=" + without_doubles(word), "~" + word[0] + "".join(sorted(word[1:-1])) + word[-1]
