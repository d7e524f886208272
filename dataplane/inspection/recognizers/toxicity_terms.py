"""Turns and terms that signs of abuse have in common with ordinary talk, told from it by what stands beside.

Each is a pair, needles and an expression as those of `evidence.Signal`, which the signals that it belongs to
hold beside their own.
"""

from __future__ import annotations

from typing import Final

_AT: Final = r"(?:you(?:[’']?re| are| r)?|ur|u r|u)"
_DEGREE: Final = (
    r"(?:all|just|such|so|really|an?|the|bunch of|little|big|old|sad|stupid|dumb|ugly|fat|sick|lying|racist"
    r"|filthy|pathetic|worthless|ignorant|fucking|bloody|god ?damn)"
)
_PEOPLE: Final = (
    r"(?:fuck(?:s|ers?|tards?|wits?|nuts?)|dicks?|cocks?|asse?s?|arses?|bastards?|shits|shit(?:bags?|heads?)"
    r"|fag\w*|prick\w*)"
)
AT_YOU: Final = (
    "fuck|fkn| shit|-shit|dipshit| ass | asses| ass.| ass!| ass,|-ass| arse| dick| cock |cocks|bastard"
    "| fag|prick",
    rf"\b{_AT} (?:{_DEGREE} |\w+[- ]){{0,4}}{_PEOPLE}\b"
    rf"|\b{_AT} (?:all |just |are |people |guys )?(?:fucking|fuckin|fkn|f+uck(?:ed|s|n)?)"
    r" (?:in |up |with )?\w+"
    r"|\bf+u+c+k(?:ing|in)? (?:with )?(?:yours?|ur|u|yoursel(?:f|ves))\b"
    r"|\b(?:what|who|why|how) (?:the|da) (?:actual )?fuck (?:are|r|do|did|is|gives) (?:wrong|you|u|your)\b"
    r"|\b(?:your|ur) (?:\w+ ){0,2}(?:ass(?:es)?|arse|dicks?|cock) (?:is|are|out|off|back|down|and|kicked|beat"
    r"|banned|blocked|fired|in jail)\b|\bkick(?:ing|ed)? (?:your|ur) ass|\boff (?:your|ur) fucking\b"
    r"|\b(?:give|gives|gave) (?:a|two|one|any) (?:\w+ )?(?:fucks?|shits?|damn) (?:about|what)"
    r" (?:you|u|your)\b",
)
"""Profanity that somebody is called or told."""

TAUNTED: Final = (
    "shut up|shut the| gay|homosexual|homo |homos|your guts|his guts|her guts|their guts|kiss my|kiss our"
    "|suck my|suck his|suck a |suck on|die already",
    r"(?:^|[.!?:=,\n]\s*)shut (?:the [\w-]+ )?up\b"
    rf"|\b{_AT} (?:all |just |so |such |totally |really |fucking |very |probably )+(?:an? )?"
    r"(?:gay|homo(?:sexual)?s?)\b"
    r"|\b(?:you[’']?re|you are|ur|u r) (?:an? )?(?:gay|homo(?:sexual)?s?) ?(?:[!.]|$|lol|and you)"
    r"|\b(?:flaming|raging|fat|closet|fucking) (?:gay|homo(?:sexual)?|queer|queen)s?\b"
    r"|\bgay (?:boi|bastard|ass|baitch|bitch|dumbass|retard|lord|loser|fuck\w*)\b"
    r"|\b(?:is|are|just|mad|super) (?:just |mad |super |fucking )+gay\b"
    r"|\bhates? (?:your|his|her|their) guts\b|\bkiss (?:my|our) (?:\w+ ){0,3}ass\b|\b(?:just )?die already\b"
    r"|\bsuck (?:my|his|a|on my) (?:\w+ )?(?:penis|dick|cock|balls|nuts)\b",
)
"""Orders to be silent, and `gay` said in contempt."""

NAMED_SO: Final = (
    "idiot|moron|imbecile|loser|jerk| liar|traitor|hypocrite| fool|cretin|pedos|paedos|cunt|scum |scum."
    "|scum,|scum!|jackoff|dimwit|nitwit|nutjob|nut job|wing nut|buffoon| clown| pig| creep| slob|degenerate"
    "|coward| crook|halfwit|half-wit|bozo|ignoramus|fuckstick|dbag|d-bag| twit |twit.|twit,|twits"
    "|human garbage|human trash|human filth|human scum",
    r"\b(?:ignoramus(?:es)?|fucksticks?|d-?bags?|twits?|human (?:garbage|trash|filth|scum)|idiots?"
    r"|morons?|imbeciles?|cretins?|dimwits?|nitwits?|half-?wits?|bozos?|cunts?|pedos|paedos|scum"
    r"|(?:left|right)[ -]?wing nut\w*)\b"
    r"|\b(?:these|those|such|you|of|the|all|fucking|stupid|lying|same|bloody|damn|racist|liberal"
    r"|republican|democrat|leftist|wing|corrupt|pathetic|ignorant|are) "
    r"(?:losers|jerks|liars|traitors|hypocrites|fools)\b"
    r"|\b(?:this|that|what an?|such an?|is an?|fucking|bloody|absolute|complete|total|some) (?:\w+ )?"
    r"(?:jackoff|buffoon)\b"
    r"|\b(?:this|such an?|what an?|typical|lying|bunch of|pack of|sorry|senile|lifetime) (?:\w+ )?"
    r"(?:clowns?|fools?|jerks?|nut ?jobs?|pigs?|creeps?|slobs?|degenerates?|losers?|traitors?|liars?|cowards?"
    r"|crooks?|hypocrites?)\b",
)
"""Persons called fools and worse."""

_VERY: Final = (
    r"(?:an?|the|such|just|all|really|so|nothing but|always|still|too|very|fucking|damn|complete|completely"
    r"|total|totally|utter|utterly|absolute|absolutely|truly|literally|pretty|most|biggest|big|old|real|huge"
    r"|lying|phony|dangerous|pathetic|stupid|corrupt|bigger|plain|simply|clearly|obviously|one|more|and"
    r"|blithering|sorry|self-serving)"
)
SAID_TO_BE: Final = (
    " fool| jerk| crook|coward|scumbag|loser|buffoon|bigot|disgrace|a joke|clown| vile|despicable|narcissis"
    "|sociopath|psychopath| thug|embarrassment| liar| creep| pig|con man| racist|brainless|clueless"
    "|spineless",
    rf"(?:\b(?:is|are|was|were|[’'](?:s|re))|\b(?-i:[A-Z][a-z]+)[’']s)(?: {_VERY}){{1,5}}"
    r" (?:fools?|jerks?|crooks?|cowards?|scumbags?|losers?|buffoons?|bigots?|disgrace|joke"
    r"|clowns?|narcissists?|sociopaths?|psychopaths?|thugs?|embarrassment|liars?|creeps?|pigs?|racists?"
    r"|con man)\b"
    r"|\b(?:just|plain|so|too|how|truly|utterly|incredibly|beyond|completely|totally|absolutely|unbelievably"
    r"|extremely|fucking|damn|simply|very|really|are|is|was|were|[’']re|[’']s)"
    r" (?:vile|despicable|clueless|brainless|spineless)\b",
)
"""What somebody is said to be."""

FOOLISH: Final = (
    "stupid|idiotic|moronic|asinine|imbecilic|hypocrite|pathetic|ignorant|dumb| fool| loser|idiocy",
    r"\b(?:stupid(?:er|est|ity|ly|s)?|idiotic|moronic|asinine|imbecilic|idiocy)\b"
    r"|\b(?:you|you[’']re|a|an|such|these|those|all|total|huge|big|lying|bunch of|are|is|fucking|this|what"
    r"|old|hey) hypocrites?\b|, hypocrites?\s*(?:[!.]|$)"
    r"|\b(?:your|his|her|their|you|you[’']re|these|those|such|how|so|is|are|was|were|truly|absolutely|just"
    r"|really|utterly|beyond|of|the most|what an?|that|this) pathetic\b|(?:^|[.!?]\s+)pathetic(?:[.!]|$)"
    r"|\bpathetic,? (?:\w+ )?(?:excuses?|losers?|man|woman|people|attempts? (?:by|of|from)|creatures?"
    r"|human|individuals?|liars?|cowards?|little|old|fools?|government|party)\b"
    r"|\b(?:you|how|so|being|these|those|such|most|too|are|is|and|hey|will?fully|completely|totally|extremely"
    r"|your|the|an|this|more) ignorant\b"
    r"|\b(?:so+|too|how|as|are|is|being|be|this|these|those|really|just|plain|pretty|fucking|your|his|her|their"
    r"|of|play|us|you|and) dumb(?:er|est)?\b"
    r"|\b(?:a|such|old|damn|you|these|those|like|many|hey|poor|another|complete|total|real|bigger) fools?\b"
    r"|, fools?\s*(?:[!.]|$)"
    r"|\b(?:you|these|those|hey|real|sore|such an?|bunch of|pack of|sad|twisted|total|biggest|fucking|little"
    r"|pathetic|typical) losers?\b",
)
"""What is called foolish, and who; `toxicity_sense` has what else these words are said of."""

SCORNED: Final = (
    "disgusting|despicable|traitor|liar|coward|jerk|clown|troll|snowflake",
    r"(?:^|[.!?]\s+)(?:how |so |truly |absolutely |utterly |just |simply )?"
    r"(?:disgusting|despicable)(?:[!.]+(?:\s|$)|$)"
    r"|,\s*(?:you )?(?:traitors?|liars?|cowards?|jerks?|clowns?|trolls?|snowflakes?)\s*(?:!+|[.]?$)",
)
"""What is scorned in a sentence of its own, and what somebody is called at the end of one."""

SUPREMACIST: Final = (
    "white power|sieg heil|heil hitler| zog |zog.|juden |holohoax|holocau$t|race mix|race-mix|racemix|1488"
    "| muds |mud people|mud race|mongrels|mongreli|jew world|jewish bankers|jewish lies|jewish threat"
    "|jewish control|jewish vermin|zionist bullshit|jew bankers|negroid|that negro|these negro|filthy negro"
    "|dirty negro|illegals|breed like|breeding like|bred like|white victory",
    r"\b(?:white power|sieg heil|heil hitler|zog|juden|holohoax|race[- ]?mix(?:ing|ers?)|muds"
    r"|mud (?:people|races?)|mongrels|mongreli[sz]\w+|jew(?:ish)? (?:world order|bankers|lies|threat|control"
    r"|vermin)|zionist bullshit|negroid|(?:that|these|filthy|dirty) negro(?:e?s)?|illegals|white victory)\b"
    r"|(?:^|[a-z!?] )1488(?:[^\d,.:/\s-]|\s*[!?]|$)|\bholocau\$t"
    r"|\b(?:breed(?:s|ing)?|bred) like (?:rats|cockroach\w*|rabbits|flies|vermin|animals)\b",
)
"""Terms of those who hold others to be less."""

DISGUISED: Final = (
    "f--|fk off|fk you|fk u|sh*th|azzhole|azz hole|s.o.b| mfr|chit human",
    r"\bf-{2,}(?:k|ing|ed)?\b|\bf-{3,}|\bfk (?:off|you|u)\b|\bsh\*th\w+|\bazz ?holes?\b|\bs\.o\.b\b|\bmfrs?\b"
    r"|\bpiece of chit\b",
)
"""Abuse with letters left out."""

PUBLICLY: Final = (
    "should be shot|should be hang|should be hung|should be exec|should be lynch|should all be",
    r"\b(?:people|anyone|everyone|everybody|whoever|those|all of|parents|voters|supporters|politicians"
    r"|democrats|republicans|liberals|cops|traitors)\b[^.!?\n]{0,48} should (?:all )?(?:be )(?:publicly )?"
    r"(?:shot|hanged|hung|executed|lynched)\b",
)
"""Death wished on whoever does something."""
