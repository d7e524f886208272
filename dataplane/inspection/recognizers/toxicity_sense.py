"""Whether an abusive word is meant: its harmless senses, and speaking of abuse, of oneself, among friends."""

from __future__ import annotations

from typing import Final

import re2

from dataplane.inspection.evidence import Sign

AROUND: Final = 90
"""Code points around a word in which what shows its sense is looked for."""

HARMLESS: Final = 0.15
AMONG_FRIENDS: Final = 0.3
SPOKEN_ABOUT: Final = 0.4
"""What a word counts in its harmless sense or said of oneself, among those it was coined for, and where it is
spoken about."""

_RECLAIMABLE: Final = frozenset({"slur", "sexist"})
_OF_ONESELF: Final = frozenset(
    {"slur", "sexist", "insult", "coined", "belittled", "called", "aimed_insult", "aimed_insult_mild"}
)

_HARMLESS: Final = re2.compile(
    r"(?i)chinks? in (?:the|his|her|their|its|my|our)"
    r"|spic (?:and|&|n) span|maine coon|coon ?(?:hound|cat|dog)|dykes? and (?:levees|ditches)"
    r"|(?:flood|sea|drainage|magmatic|volcanic|igneous|basalt\w*) dykes?"
    r"|dykes? (?:swarms?|breach\w*)"
    r"|pussy ?(?:cat|willow|foot|riot)|(?:garden|farm|soil|weed\w*|rake|shovel|plough|backhoe|dirt"
    r"|crops?)\b[^.\n]{0,60}\bhoes?\b|\bhoes?\b[^.\n]{0,60}\b(?:garden|farm|soil|weeds?|rake|shovel|plough"
    r"|crops?)|(?:fire|flame)[- ]retard|retarded (?:time|potential|ignition|growth)|flame retard"
    r"|retards? (?:growth|progress|the|combustion|spoilage)|(?:to|will|can|may) retard\b"
    r"|(?:female|pregnant|whelping|brood|stud|pedigree|puppy|puppies|litter|breeder\w*|dogs|labrador|poodle"
    r"|terrier|kennel)\b[^.\n]{0,50}\bbitch|\bbitch\b[^.\n]{0,50}\b(?:puppies|litter|whelp\w*|kennel"
    r"|breeder|in heat)"
    r"|nigg(?:ard|le|ling)|redneck riviera|saltine|ritz|queer (?:theory|studies|eye|community|people|youth)"
    r"|(?:transmission|gearbox|gear|mechanic|engine)\b[^.\n]{0,50}\btrann(?:y|ies)|\btrann(?:y|ies)\b"
    r"[^.\n]{0,50}\b(?:transmission|gearbox|gears?|mechanic|engine|fluid)"
    r"|smok\w+ (?:\w+ )?fags?\b|pack(?:et)? of fags|(?:pan-?)?fried fag+ots?|light(?:ed)? up a fag"
    r"|(?:bundle|sticks|firewood|kindling)\b"
    r"[^.\n]{0,40}\bfag|\bfag+ots?\b[^.\n]{0,40}\b(?:sticks|wood|peas|gravy)|meatballs?\b|embankments?\b"
    r"|levees?\b|moby dick|cock(?:pit|tail|roach)|homo sapiens|cash cow|guinea pigs?|dostoevsk\w+"
)
_TURNS: Final = re2.compile(
    r"(?i)(?:stupid|dumb|silly|idiotic|foolish) (?:questions?|mistakes?|errors?|typos?|bugs?|things? i|me\b"
    r"|simple|luck|terminals?|pipes?|phones?|bombs?|down|waiters?|amounts?|fast|rich|easy)|dumbing down"
    r"|dumb(?:ed|s)? (?:it |this |that )?down|deaf and dumb|struck dumb|dumb and dumber|pathetic fallacy"
    r"|(?:simple|short|straightforward),? stupid|economy,? stupid|april fool|fools?[’'] |fool[’']s"
    r"|fools? (?:gold|of|around|me|errand)|ignorant (?:of|about)|idiot[- ]?proof|idiots?[’']s? guides?"
    r"|american idiot|idiot (?:light|board|box)s?|winners? (?:and|or|from|vs) (?:an? |the )?losers?"
    r"|artificial stupidity|for dummies|moronic acid|it (?:\w+ )?(?:stupid|dumb|pathetic) (?:to|of|if|that)\b"
    r"|fucking (?:kidding|joking)|\b(?:i|we|me|students|kids|early|late|time) (?:\w+ ){0,3}to fuck off"
    r"|(?:kids|children|skill|learn|learned|how|dog|alarms?|me|myself) (?:\w+ )?(?:to|should) (?:just )?"
    r"shut the fuck|(?:badass|bad|stylish|cool|smart|lucky|tough|handsome|funny|brilliant|talented|good)"
    r" (?:a )?motherfucker|(?:scumbag|shithead|dickhead|asshole|dumbass|jackass|dick|douche(?:bag)?)"
    r" (?:move|thing|idea|example|question|mistake)"
    r"|\b(?:we|i)\b[^.!?\n]{0,30} acting like (?:an? )?(?:bunch of )?\w+"
    r"|hang (?:all |up )?(?:these |the |those )?(?:pictures|paintings|posters|curtains|clothes|photos|coats"
    r"|lights)"
    r"|stupid of me|stupid (?:thing|code|computer|machine|app|printer|phone|script|test|program|compiler|game"
    r"|form|door|cat|dog|car|keyboard|wi-?fi|alarm|hat|song)\b"
    r"|(?:printer|computer|laptop|phone|car|app|code|script|bug|error|test|machine|robot|software|website"
    r"|browser|compiler|keyboard|idea|question|weather|alarm|door|thing|joke|game|name|ads?|film|movies?)"
    r"(?:[’']?s|s? (?:is|are|was|were|looks?|seems?|really (?:is|are)))"
    r" (?:\w+ )?(?:stupid|dumb|idiotic|moronic|pathetic|brainless|despicable)"
    r"|\bdykes?\b[^.\n]{0,60}\b(?:water|beach|flood\w*|river|sea|coast|dam|shore|canal|polder|dunes?)\b"
    r"|\b(?:water|beach|flood\w*|river|sea|coast|dam|shore|canal|polder|dunes?|buil[dt]\w*)\b[^.\n]{0,60}\bdykes?\b"
    r"|\bfag+ots?\b[^.\n]{0,40}\b(?:butcher\w*|cook\w*|delicious|mince|stew|oven)|\bfags?\b[^.\n]{0,60}"
    r"\b(?:smok\w+|cigarettes?|lighter|ashtray)|\b(?:cigarettes?|tobacco|ashtray)\b[^.\n]{0,40}\bfags?\b"
    r"|\bbitch\b[^.\n]{0,60}\b(?:dogs?|breed\w*|show ring|spayed)\b"
)
"""What has the words of a sign in a harmless sense; of another sign beside it this says nothing."""
_BIAS: Final = (
    r"(?:racis[tm]|sexis[tm]|homophob\w+|transphob\w+|misogyn\w+|islamophob\w+|xenophob\w+|antisemit\w+"
    r"|anti-semit\w+|ableis[tm]|bigot(?:s|ed|ry)?|hateful|hate speech|discriminat\w+|prejudiced?|hurtful"
    r"|harmful|unacceptable|illegal|a crime|wrong|not (?:ok(?:ay)?|acceptable|cool|right|funny|true"
    r"|an? \w+)"
    r"|abhorrent|appalling|shameful|disgraceful|against the law|ridiculous|nonsense|narrow-minded|outdated"
    r"|never ok(?:ay)?|so wrong|misguided|ignorant|offensive|inappropriate)"
)
_SPOKEN_ABOUT: Final = re2.compile(
    r"(?i)\b(?:slurs?|epithets?|derogatory|pejorative|offensive (?:word|term|language)|insults?|the (?:word"
    r"|term|phrase)|hate speech|calling (?:someone|people|me|her|him|them|us|any\w+|\w+ people)"
    r"|call(?:ed|s)? (?:me|him|her|them|us|my|his|someone|people)"
    r"|verbal abuse|bull(?:y|ied|ying)|harass\w*|etymology|definition|meaning of|what does|moderat(?:e|ion"
    r"|or)|classif\w+|detect\w*|reported|report|(?:saying|say|said|says) (?:that |things like )?[\"'“‘]"
    rf"|is {_BIAS}"
    rf"|(?:that|this|it|which|what|stuff|things?|speech|language|words?|behaviou?r|attitudes?|comments?"
    rf"|posts?|remarks?|statements?|jokes?|opinions?)(?:[’']s| is| are| was| were) (?:\w+ ){{0,3}}?{_BIAS}"
    rf"|{_BIAS} (?:of (?:\w+ )?)?to (?:say|call|write|think|post|use|claim|tell)"
    r"|(?:that|then) (?:means |makes )?you(?:[’']re| are)? (?:\w+ )?(?:an? )?(?:\w+ )?(?:bigot"
    r"|racist|sexist"
    r"|homophobe|transphobe|misogynist|part of the problem)"
    r"|(?:don[’']?t|never|stop|quit|can[’']?t|cannot|can not|shouldn[’']?t|must not|should not|won[’']t"
    r"|will not|do not|not going to|refuse to)(?: \w+)? (?:call(?:ing)?|say(?:ing)?|us(?:e|ing)"
    r"|writ(?:e|ing)|threaten\w*|tell(?:ing)?|spread\w*|normali[sz]\w*|tolerate|accept|refer\w*)"
    r"|(?:anyone|someone|somebody|people|those|everyone|everybody|he|she|they|guy|man|woman|kid|teacher"
    r"|boss|dude|usher|who|just) (?:who )?(?:says?|said|thinks?|thought|writes?|wrote|believes?|shout\w*"
    r"|yell\w*|tweet(?:s|ed)|post(?:s|ed)|told (?:me|him|her|them|us)|tells|claim(?:s|ed)|argu(?:es|ed)"
    r"|suggest(?:s|ed)|uses?|used|hates?)"
    r"|threaten(?:s|ed|ing) to|(?:things|stuff|messages?|comments?|posts?|something|phrases?"
    r"|claims?|chants?"
    r"|jokes?|signs?) (?:like|such as|saying|that say)|shows (?:how|what)"
    r"|(?:told|tell|tells|telling) (?:me |him |her |us |them )?to|been told|treats?|say(?:s"
    r"|ing)? that|saying (?:you|things)|when you said"
    r"|(?:it[’']?s|is it|be) ok(?:ay)? to|how misguided|will get (?:you|him|her|them|blocked|banned)"
    r"|how (?:dare|can|could) you|how (?:can|do|could|should|to|did) (?:i|we|someone|one)\b"
    r"|why (?:would|do|are|did) (?:you|people|they)"
    r"|(?:can[’']?t|don[’']?t|do not|cannot) (?:seriously|really|honestly|actually) (?:believe|think|mean)"
    r"|been called|(?:said|says) (?:that )?(?:she|he|they|i|we) (?:could|should|can|was|is|were|are)"
    r"|if (?:you[’']?re|you are|they[’']?re|people are|someone is) (?:telling|calling|saying"
    r"|writing|wishing)"
    r"|(?:people|users|men|guys|kids|them|someone|for|writing|wishing|never) (?:saying|said|calling"
    r"|telling|writing"
    r"|wishing|shouting|that)|it hurts|small-minded|says a lot about"
    r"|(?:sick|tired) of (?:people|hearing|seeing|being called|the)|i can[’']?t believe|imagine (?:being"
    r"|hating|thinking|calling|saying)|the (?:idea|notion|belief|claim|stereotype|myth|assumption|lie) that"
    r"|stereotypes?|(?:hatred|hate|contempt|hostility|violence|prejudice|racism|bigotry|discrimination"
    r"|slurs|attacks?|crimes?) (?:for|of|towards?|against|aimed at|directed at) "
    r"|call(?:ing)? for|advocat\w+|glorif\w+|incit\w+|victims? of|accused of|charged with|arrested for"
    r"|convicted of|consequences for|(?:thrown|put) in(?:to)? (?:jail|prison)|call out|stand up (?:to"
    r"|against)|condemn\w*|denounc\w*|hurts? me|makes me (?:sad|uncomfortable)"
    r"|(?:call(?:ing)?|i[’']?m|i am|being) (?:myself |ourselves )?an? (?:fag|dyke|queer)"
    r"|call(?:ing)? (?:myself|ourselves)|love to all my|proud to be|song|lyrics|movie|film|novel|episode)\b"
)
_QUOTED_BY: Final = re2.compile(
    r"(?i)\b(?:sa(?:y|ys|id|ying)|writ(?:e|es|ing|ten)|wrote|post(?:s|ed|ing)?|comments?|messages?"
    r"|call(?:s|ed"
    r"|ing)?|words?|phrases?|terms?|hear|heard|chant\w*|yell\w*|shout\w*|tell(?:s|ing)?|told|claim\w*"
    r"|think(?:s|ing)?|thought|repl(?:y|ied)|like|such|tweet\w*|us(?:e|es|ed|ing)|jokes?|this was|titled"
    r"|slogans?|graffiti|read(?:s|ing)?|quot\w+|meme|statement)\b"
)
_ONESELF: Final = re2.compile(
    r"(?i)\b(?:i(?:[’']?m| am| was|[’']ve been| feel| look| sound| became| had (?:not )?been| have been"
    r"| would (?:not )?(?:be|have been)| might be| must be| can be| feel like| look like| sound like)"
    r"|we(?:[’']re| are| were)|being|to be|as|myself|call me|makes? me(?: feel(?: like)?)?|\b(?:i|me|myself"
    r"|my)\b[^.!?\n]{0,40} like)(?: (?:not|always|never|such|just"
    r"|an?|the|so|too|being|been|really|kind of|like|real|complete|total|absolute|huge|bit of|little|very"
    r"|massive|annoying|proud|fellow|happy|still|big))*\s*$"
)
_OURS: Final = re2.compile(
    r"(?i)\b(?:my|our|fellow|us|we|proud|bad|boss|baddest|real)(?: (?:fellow|lovely|dear|real|main"
    r"|favou?rite"
    r"|beautiful|best|own|other|ride or die|both|day one|realest|prettiest|cutest|hottest|freshest))*\s*$"
    r"|\bi(?:[’']?m| am)\b[^.!?\n]{0,20} (?:the|that|a|an)(?: \w+)?\s*$"
    r"|\b(?:i(?:[’']?m| am)|my \w+)\b[^.!?\n]{0,25} (?:happily|proudly|both|all)(?: an?)?(?: proud)?\s*$"
)
_LIKE_ME: Final = re2.compile(r"(?i)^(?: and proud\b| like (?:me|us)\b| (?:i|we)(?:[’']| )(?:a?re|am)\b)")
_KIN: Final = re2.compile(r"(?i)^(?:nigg(?:as?|uh|az)|bitch(?:es)?|queers|fags?|fag+ots?|dykes?|hoes|homos)$")
"""Words that those they were coined for call each other by; `my` before others makes none friendly."""
_OF_HARM: Final = re2.compile(
    r"(?i)^\s+(?:to be (?:treated|tortured|killed|executed|hurt|harmed|attacked|abused|hated"
    r"|mistreated|insulted)"
    r"|to (?:die|suffer)|th(?:is|at)\b|(?:any|such) (?:of this|hate|abuse|treatment))"
)
"""What nobody deserves: who says that takes their side."""
_NOT: Final = re2.compile(
    r"(?i)(?:n[’']t|\bnot|\bnever|\bno one|\bnobody|\bno)(?: (?:really|ever|think|say|said|believe"
    r"|that|mean|all|always|such|thing as|an?|be|being))*\s*$|\bopposite of\s*$"
)
_TOLD: Final = re2.compile(
    r"(?i)(?:^|[.!?,\n]\s*|\b(?:and|but|because|that|so|what) )(?:you|ur|u)(?:[’']?re| are| r)?"
    r"(?: (?:just|all|so|such|really|an?|the|sad|stupid|dumb|old|fat|ugly|little|fucking|\w+ing"
    r"|\w+,)){0,4}\s*$"
)
_TOLD_SO: Final = re2.compile(r"(?i)^(?:you(?:[’']?re| are)?|ur|u r) ")
"""Who is told so to their face is not spoken about, whatever else is said beside."""
_OPENED: Final = frozenset('"“‘«:')
_MARKS: Final = (('"', '"'), ("“", "”"), ("«", "»"))
_LONGEST_QUOTED: Final = 120
"""Code points on either side of a word in which the marks of a quotation are looked for."""


def sense(text: str, sign: Sign) -> float:
    """What the points of `sign` are to be multiplied by: 1, or less where the words are not meant."""
    name = sign.signal.name
    before = text[max(0, sign.start - AROUND) : sign.start]
    around = before + text[sign.start : sign.end + AROUND]
    if _HARMLESS.search(around) or _turned(around, len(before), len(before) + sign.end - sign.start):
        return HARMLESS
    if _NOT.search(before[-40:]):
        return HARMLESS
    if name in _OF_ONESELF and _ONESELF.search(before[-60:]):
        return HARMLESS
    words = text[sign.start : sign.end]
    if words.endswith("deserve") and _OF_HARM.search(text[sign.end : sign.end + AROUND]):
        return HARMLESS
    if (
        name in _RECLAIMABLE
        and _KIN.search(words)
        and _ours(before[-40:], text[sign.end : sign.end + AROUND])
    ):
        return AMONG_FRIENDS
    if (not _told(before[-30:], words) and _SPOKEN_ABOUT.search(around)) or _quoted(text, sign):
        return SPOKEN_ABOUT
    return 1.0


def _turned(around: str, start: int, end: int) -> bool:
    """Whether the words from `start` to `end` are part of a harmless turn."""
    return any(turn.start() < end and start < turn.end() for turn in _TURNS.finditer(around))


def _told(before: str, words: str) -> bool:
    """Whether somebody is told so to their face, and not in what is quoted."""
    return _OPENED.isdisjoint(before) and bool(_TOLD.search(before) or _TOLD_SO.search(words))


def _ours(before: str, after: str) -> bool:
    """Whether who says a word counts among those it is said of."""
    return bool(_OURS.search(before) or _LIKE_ME.search(after))


def _quoted(text: str, sign: Sign) -> bool:
    """Whether a sign stands in quotation marks within what somebody says about it."""
    for opening, closing in _MARKS:
        first = text.rfind(opening, max(0, sign.start - _LONGEST_QUOTED), sign.start + 1)
        if first < 0:
            continue
        last = text.find(closing, max(sign.end - 1, first + 1), sign.end + _LONGEST_QUOTED)
        if last < 0:
            continue
        outside = text[max(0, first - AROUND) : first] + " " + text[last + 1 : last + AROUND]
        if _QUOTED_BY.search(outside):
            return True
    return False
