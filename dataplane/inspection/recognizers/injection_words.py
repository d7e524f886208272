"""Kinds of words of which orders to set instructions aside are made, in English.

Fragments of expressions: verbs that set aside, words of scope, words for instructions, verbs of what to do
instead.
"""

from __future__ import annotations

from typing import Final


def gap(words: int) -> str:
    """Up to so many words of the same sentence, and what separates words, underscores and hyphens too."""
    return rf"""(?:[\s_\-*"'`’,]+[^\s_.!?;:(]+){{0,{words}}}?[\s_\-*"'`’,]+"""


SET_ASIDE: Final = (
    r"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|ing)|overrul(?:e|ing)|bypass(?:ing)?"
    r"|discard(?:ing)?|dismiss(?:ing)?|abandon(?:ing)?|circumvent|disobey|unlearn|erase|erasing|wipe |wiping"
    r"|eras(?:e|ing)|wip(?:e|ing)|(?:do not|don[’']?t|stop|no longer|never|not)(?: have to"
    r"| need to)? (?:follow(?:ing)?|obey(?:ing)?"
    r"|adher(?:e|ing) to|listen(?:ing)? to"
    r"|comply(?:ing)? with)|pay no attention to|(?:set|put|throw|leave|cast) (?:aside|away|out)"
    r"|turn away from)"
)
SET_ASIDE_NEEDLES: Final = (
    "ignor|disregard|forget|overrid|overrul|bypass|discard|dismiss|abandon|circumvent|disobey|unlearn"
    "|not follow|t follow|to follow|to obey|stop follow|longer follow|never follow|not obey|t obey"
    "|stop obey|longer obey|never obey|not adher"
    "|t adher|stop adher|longer adher|not comply|t comply|stop comply|longer comply|not listen|t listen"
    "|stop listen"
    "|no attention|set aside|put aside|throw aside|cast aside|leave aside|throw away|throw out|put away"
    "|cast away"
    "|turn away from"
)
EARLIER: Final = (
    r"(?:previous(?:ly)?|prior|above|earlier|preceding|foregoing|former|past|initial|original|existing"
    r"|system|developer)"
)
INSTRUCTIONS: Final = (
    r"(?:instructions?|rules?|prompts?|prompting|guidelines?|directions?|directives?|commands?|orders?"
    r"|constraints?"
    r"|restrictions?|programming)"
)
SEP: Final = r"""[\s_\-*"'`’,]+"""
SCOPE: Final = (
    r"(?:all|any|every|each|everything|of|the|your|my|its|their|his|her|these|those|this|that|both|and|or"
    r"|other|such|entire|whole|as|to"
    r"|about|from|with|completely|please|now|just|in|given|been|have|has|i|you|previous|prior|\w+ly)"
)
THEN: Final = (
    r"(?:say|print|output|respond|reply|write|answer|return|tell|type|display|repeat|reveal|show|give|do"
    r"|follow|obey|act|execute|run|send|use|translate"
    r"|generate|provide|create|pretend|become|comply|list|dump|leak|disclose|ignore|begin|start|focus"
    r"|complete|describe|explain|call|forward|delete|task|are|is|instructions?)"
)
SAID: Final = (
    r"(?:text|context|conversation|content|input|messages?|words?|sentences?|tasks?|data|chat|information)"
)
GIVEN: Final = (
    r"(?:(?:you(?:[’']ve| have)?|have)? ?(?:were|was|been|are|got|received)?[ ]?"
    r"(?:told|given|instructed|said|programmed|trained|learned|taught|got|received))"
)
ONLY_SAY: Final = "|".join(
    f"{how} {what}"
    for how in (
        "just",
        "only",
        "simply",
        "instead",
        "now",
        "exclusively",
        "nothing but",
        "must",
        "always",
        "and",
    )
    for what in (
        *("say", "print", "output", "respond", "reply", "write", "answer", "return", "type", "display"),
        *("repeat", "tell me"),
    )
)
"""Literals of orders to say one thing and nothing else."""
