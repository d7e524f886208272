"""Contempt for persons and groups: coined and masked abuse, belittling, accusations, taunts, harm wished.

Who is meant is often a third person, and the words are ordinary ones; most signs are forms of a sentence
rather than words.
"""

from __future__ import annotations

from typing import Final

from dataplane.inspection.evidence import Signal
from dataplane.inspection.recognizers import toxicity_terms
from dataplane.inspection.recognizers.toxicity_lexicon import GROUP, HARMED, VILE

_NASTY: Final = (
    r"(?:fuck(?:ing|in|en)|fkn|f\*+ing|stupid|dumb|dum|ignorant|ugly|lying|crooked|corrupt|senile|demented"
    r"|pathetic|disgusting|rotten|filthy|nasty|god ?damn|damn|bloody|miserable|spineless|brainless|clueless"
    r"|incompetent|moronic|idiotic|retarded|racist|sexist|greedy|selfish|arrogant|cowardly|vile|despicable"
    r"|worthless|useless|toothless|whiny|whining|delusional|deranged|degenerate|commie|perverted|creepy"
    r"|smelly|thick|dense|entitled|psychotic|narcissistic|gutless|classless|shameless|two-faced|murderous"
    r"|satanic|demonic|inbred|obnoxious|hypocritical|insufferable|sniveling|slimy|sleazy|treasonous"
    r"|cheating|thieving|washed up|hideous|mindless|braindead|brain[- ]dead|sorry ass|trashy)"
)
_NASTY_NEEDLES: Final = (
    "fucking|fuckin |fucken|fkn|f*cking|f**king|f***ing|stupid|dumb |dumb,|dum |ignorant|ugly|lying |"
    "lying,|crooked|corrupt |corrupt,|senile|demented|pathetic|disgusting|rotten|filthy|nasty|damn|"
    "bloody|miserable|spineless|brainless|clueless|incompetent|moronic|idiotic|retarded|racist |"
    "racist,|sexist|greedy|selfish|arrogant|cowardly|vile |vile,|despicable|worthless|useless|"
    "toothless|whiny|whining|delusional|deranged|degenerate|commie|perverted|creepy|smelly|thick |"
    "dense |entitled |psychotic|narcissistic|gutless|classless|shameless|two-faced|murderous|satanic|"
    "demonic|inbred|obnoxious|hypocritical|insufferable|sniveling|slimy|sleazy|treasonous|cheating |"
    "cheating,|thieving|washed up|hideous|mindless|braindead|brain-dead|brain dead|sorry ass|trashy"
)
_WRETCH: Final = (
    r"(?:idiots?|morons?|clowns?|pigs?|fools?|losers?|liars?|bastards?|scum|cowards?|crooks?|thugs?"
    r"|thie(?:f|ves)|criminals?|traitors?|trolls?|puppets?|hacks?|frauds?|cheats?|creeps?|perverts?|freaks?"
    r"|hags?|cows?|goats?|pukes?|midgets?|dumm(?:y|ies)|imbeciles?|bigots?|racists?|hypocrites?|lunatics?"
    r"|psychos?|sociopaths?|narcissists?|maniacs?|lowlifes?|bums?|trash|kooks?|nut ?(?:s|jobs?|cases?)"
    r"|nitwits?|wackos?|weirdos?|slobs?|brats?|predators?|pedophiles?|pedos?|demons?|tyrants?|nazis?"
    r"|commies?|cults?|bag of \w+|piece of \w+|excuse for an? \w+|waste of \w+|shits?|leeches|parasites?"
    r"|savages?|cretins?|dolts?|buffoons?|asses|ass)"
)
_THOSE: Final = (
    r"(?:people|man|men|woman|women|guys?|girls?|boys?|kids?|lady|ladies|bunch|human|party|cult|mouth|face"
    r"|head|brain|mother|family)"
)
_CALLED: Final = (
    r"(?:idiots?|morons?|moronic|losers?|pathetic|imbeciles?|scum|worthless|disgusting|stupid|dumb|pigs?"
    r"|freaks?|inbred|vile|lowlifes?|subhuman|piece of \w+|pos|waste of \w+|filth|brainless|ugly|trash"
    r"|garbage|cretins?|dimwits?|nitwits?|perverts?|psychos?|creeps?|clowns?|cowards?|liars?|crooks?"
    r"|traitors?|rapists?|terrorists?|pedophiles?|pedos?|frauds?|crazy|insane|nuts|evil|demons?|retards?"
    r"|thugs?|delusional|hypocrites?|racists?|brain[- ]?dead|brainwashed|incompetent|useless|a joke"
    r"|a disgrace|disgraceful|an embarrassment|senile|demented|cancer|fascists?|nazis?|communists?"
    r"|insufferable|despicable|spineless|clueless|ignorant|the devil|satan|a monster|monsters"
    r"|wack(?:o|y)s?)"
)

SIGNALS: Final = (
    Signal(
        "coined",
        "tards|tard |tard,|tard.| turd|libturd|libtard|lib-t|dumocrat|dumbocrat|dumorat|demonrat|"
        "demon rat|democrap|rethug|repuke|republiklan|amerikkk|feminazi|feminasi|femoid| foid|roastie|"
        "roasty|fuckwad|dickwad|shitwad|cockwad|asshat|ass hat|assclown|ass clown|assbag|assmunch|assface|"
        "ass licker|asslicker|a-hole|covidiot|cuck|soyboy|soy boy|numbskull|bonehead|knuckle dragg|"
        "knuckledragg|dumbf|shithole|shit hole|shitstain|shit stain|shitlib|shit lib|shitbag|shit bag|"
        "cumstain|cum stain|poopy|poopypants| slag|sheboon|she boon| groid| dindu| mong | mongs| mong.|"
        " mong,|mongoloid| sperg| chav|pedo |pedos |boot lick|bootlick|ass kiss|asskiss|brown nos|"
        "brownnos|fatass|fat ass| fatty|fatties|fatso|lesbos|camel fuck|goat fuck|sheep fuck|pig fuck|"
        "crackhead|crack head|methhead|meth head| pos | pos.| pos,| pos!|libfu|lib fu|douch|dumb sh|"
        "dumbsh|dum shit|full of sh|pisslam|mudslime|attention whore|man whore|manwhore|untermensch|"
        f"{toxicity_terms.SUPREMACIST[0]}",
        rf"{toxicity_terms.SUPREMACIST[1]}"
        r"|\b(?:trump|lib|con|fuck|dumb|cuck|ob?am|demo|woke|mask|snow|vax|anti ?vax|maga|feminis|celeb"
        r"|liber|republi|tea)\w{0,3}tards?\b|\blib(?:t|-t)?(?:ard|urd)s?\b|\bturds?\b"
        r"|\bdu?mb?o(?:c)?rats?\b"
        r"|\bdemon ?rats?\b|\bdemocraps?\b|\brethug\w*|\brepukes?\b|\brepubliklan\w*|\bamerikkk\w*"
        r"|\bfemina[sz]is?\b|\bfemoids?\b|\bfoids\b|\broast(?:ie|ies)\b|\b(?:fuck|dick|shit|cock)wads?\b"
        r"|\bass ?(?:hat|clown|bag|munch|face|licker)s?\b|\ba-holes?\b|\bcovidiots?\b|\bcuck(?:s|ed|old"
        r"|servatives?)?\b|\bsoy ?boys?\b|\bnumbskulls?\b|\bboneheads?\b|\bknuckle ?dragg\w+"
        r"|\bdumbf\w+|\bshit ?(?:hole|stain|lib|bag)s?\b|\bcum ?stains?\b|\bpoopy[- ]?pants\b|\bslags\b"
        r"|\b(?:a|that|this|you|old|dirty) slag\b|\bshe ?boons?\b|\bgroids?\b|\bdindus?\b|\bmongs?\b"
        r"|\bmongoloids?\b|\bspergs?\b|\bchavs?\b|\bped(?:o|os) |\bboot ?lick\w*|\bass ?kiss\w*"
        r"|\bbrown ?nos\w+"
        r"|\bfat ?ass(?:es)?\b|\bfatt(?:y|ies)\b|\bfatso\b|\blesbos\b|\b(?:camel|goat|sheep"
        r"|pig) ?fuck(?:er|ers)\b"
        r"|\bcrack ?heads?\b|\bmeth ?heads?\b|\b(?:lying|you|real|huge|total|such|worthless) pos\b"
        r"|\blib ?fuck\w*|\bdouch(?:e)?[- ]?bags?\b|\bdumb ?sh[i*]ts?\b"
        r"|\bdum shits?\b|\bfull of sh[i*]t\b"
        r"|\bpisslam\b|\bmudslimes?\b|\b(?:attention|man) ?whores?\b|\buntermensch\w*",
        54,
    ),
    Signal(
        "masked",
        "f*|f@|f#|f&|f$|fu*|fuc*|sh*|sh!t|sh1t|s**|b*t|b!t|b1t|b**|c*n|n*g|n1g|n**|f@g|f4g|f*g|a**|a$$|p*s"
        "|pu*|pu$|d*c|d!ck|wh*|wh0|sl*|r*t|m*r|m0r|id*ot|1d1o|fck|fuk|phuck|fvck|biatch|beyotch|nikka|niqq"
        "|f u c k|b i t c h|p u s s y|c u n t|n i g g|f a g| f.u. |stfu|"
        f"{toxicity_terms.DISGUISED[0]}",
        rf"{toxicity_terms.DISGUISED[1]}"
        r"|\bb[*!1@#]tch\w*|\bb\*{3,}(?:h|es)\b|\bc[*@#]nt\w*|\bn[*!1@#]+gg\w*|\bn\*{3,}(?:a|as|az|ers?)\b"
        r"|\bf[@4]g+(?:[o0*]ts?|s)?\b|\bf\*g+(?:[o0*]ts?|s)\b|\ba(?:\*\*|\$\$)h\w*"
        r"|\bp[*@#u](?:ss|s[*$]|[*$]s|\*\*|\$\$)(?:y|ies)\b|\bd[*!1]ck ?(?:head)?s?\b|\bwh[*0@]res?\b"
        r"|\bsl[*@]ts?\b|\br[*3]t[*@4]rd\w*|\bm[*0]r[*0]ns?\b|\b[i1]d[*!1][o0*]ts?\b"
        r"|\b(?:f[*@#&$!v]{1,3}[ck]?k|fu[*@#&$]k?|f\*{2,3}|fu|fu?ck|fuk|fvck|phuck)"
        r" (?:you|u|off|ya|him|her|them|joe|y[’']?all)\b"
        r"|\bb[ie]y?[ao]tch(?:es)?\b|\bniqqas?\b|\b(?:b i t c h|p u s s y|c u n t|n i g g e r|f a g)\b"
        r"|\bf\.u\.",
        54,
    ),
    Signal(
        "masked_profanity",
        "f*|f@|f#|f&|f$|fu*|fuc*|sh*|sh!t|sh1t|s**|fck|fuk|phuck|fvck|f u c k",
        r"\bf[*@#&$!v]{1,3}(?:k|c|ing|ed|er)\w*|\bfu(?:[*@#&$]{2}|[*@#&$]k|c\*)\w*|\bsh[*!1]t\w*|\bs\*{2,}t\b"
        r"|\bfck(?:ing|in|ed|er)?\b|\bfuk\w*|\bf u c k\b",
        22,
        family="profanity",
    ),
    Signal(
        "cursed_by_name",
        "fuck |fuck's|fucc|fck |f*ck ",
        r"\b(?:fuck|fck|f\*ck) (?:the (?:police|cops|media|government|president|dems|democrats|republicans"
        r"|liberals|gop|left|right)|(?:all )?(?:these|those|cops|white|black|republicans|democrats"
        r"|liberals)"
        r"|(?-i:(?:[A-Z][a-z]{2,}|[A-Z]{4,})\b)[^.\n]{0,12}(?:!|[.]|$))",
        50,
    ),
    Signal(
        "belittled",
        f"{_NASTY_NEEDLES}|{toxicity_terms.FOOLISH[0]}|{toxicity_terms.SCORNED[0]}",
        rf"{toxicity_terms.FOOLISH[1]}|{toxicity_terms.SCORNED[1]}"
        rf"|\b(?:{_NASTY},? ){{1,3}}(?:\w+ )?{_WRETCH}\b|\b(?:you|ya|u|those|these|such|bunch of|pack of"
        rf"|what an?) (?:{_NASTY},? ){{1,3}}(?:\w+ ){{0,2}}{_WRETCH}\b",
        51,
        family="belittled",
    ),
    Signal(
        "belittled_people",
        _NASTY_NEEDLES,
        rf"\b(?:{_NASTY},? ){{1,3}}(?:\w+ )?{_THOSE}\b",
        33,
        family="belittled",
    ),
    Signal(
        "called",
        "idiot|moron|loser|pathetic|imbecile|scum|worthless|disgusting|stupid|dumb| pig| freak|inbred|"
        " vile|lowlife|subhuman|piece of| pos | pos.| pos,| pos!|waste of| filth|brainless| ugly| trash|"
        "garbage|cretin|dimwit|nitwit|pervert|psycho |psychos|psycho,|psycho.|psycho!|psychopath| creep|"
        " clown|coward| liar| crook|traitor|rapist|terrorist| pedo| fraud| crazy| insane| nuts| evil|"
        " demon|retard| thug|delusional|hypocrite|racist|brain dead|brain-dead|braindead|brainwash|"
        "incompetent| useless| a joke| disgrac|embarrassment|senile|demented| cancer|fascist| nazi|"
        "communist|insufferable|despicable|spineless|clueless|ignorant|the devil| satan| a monster|"
        f" monsters| wack|{toxicity_terms.SAID_TO_BE[0]}",
        rf"{toxicity_terms.SAID_TO_BE[1]}"
        r"|\b(?:you(?:[’' ]?a?re| are| r)?|your|ur|he(?:[’']?s| is| was)|she(?:[’']?s| is| was)"
        r"|they(?:[’']?re| are)"
        r"|(?:th(?:is|at|e) )?(?:man|guy|woman|lady|dude|girl|clown|president|governor|judge|mayor"
        r"|senator|party"
        r"|media|left|right|government|administration)(?:[’']s| is| are| was)"
        r"|(?:people|dems|democrats|republicans|libs|liberals|leftists|conservatives|supporters|fans|voters"
        r"|followers|politicians|feminists|cops|gop) (?:are|r)|all of (?:them|you)|what an?|such an?)"
        r"(?:\s+(?:just|all|really|so|such|nothing but|always|still|too|very|fucking|damn|complete"
        r"|total|utter"
        r"|absolute|absolutely|completely|truly|literally|pretty|an?|the|most|bunch of|biggest"
        r"|little|big|fat"
        rf"|old|dirty|sick|plain|some|and|more than|like|full of)){{0,6}}\s+{_CALLED}\b",
        50,
        family="aimed_insult",
    ),
    Signal(
        "accused",
        "pedo|molest|rapist|traitor|treasonous|terrorist| nazi|fascist|con man|conman|con men|conmen|"
        " crook|psychopath|sociopath|tyrant|commie|marxist| fraud| liar|bigot|satanist",
        r"\b(?:p[ae]?edo(?:phile)?s?|child molesters?|rapists?|traitors?|treasonous|terrorists?|nazis?"
        r"|fascists?|con ?m[ae]n|crooks?|psychopaths?|sociopaths?|tyrants?|commies?|marxists?"
        r"|frauds?|liars?"
        r"|bigots?|satanists?)\b",
        32,
        family="accused",
    ),
    Signal(
        "harm_wished",
        " hang|hung| rope|noose|bullet|firing squad| shot| die| dies|died| dead|death|burn| rot | rots|"
        "rot in|in hell|in prison|in jail|execute| beat|slap| punch| kick|choke| covid| cancer| cliff|"
        " bridge|lamppost|hiding|whooping|lynch|suffer|killed| kill all| kill every|himself|herself|"
        "yourself|themsel|strung|drown|starve|raped|castrat|steriliz|put down|put to death|deported|"
        "locked up|hit by|run over|runs over|end every|end all|"
        f"{toxicity_terms.PUBLICLY[0]}",
        rf"{toxicity_terms.PUBLICLY[1]}"
        r"|\b(?:go|should|can|please|just|need to|needs to|ought to) (?:just |go |and |all )*(?:hang"
        r"|kill|drown|shoot"
        r"|fuck) (?:your|him|her|them)sel(?:f|ves)\b|\bgo (?:and )?(?:hang|die|drown|choke)\b"
        r"|\b(?:needs?|deserves?|in need of|get|give (?:him|her|them)) (?:an? |the |some )?(?:rope"
        r"|noose|bullet"
        r"|firing squad|lamppost|good (?:beating|slap|punch|kick\w*|hiding)|ass (?:whooping|kicking"
        r"|beating))"
        r"|\b(?:he|she|they|you|u|these people|those people|traitors|all of (?:them|you)"
        r"|people like (?:that"
        r"|this|you|him|her)) (?:all )?(?:should|deserves?|needs?|must|ought)(?: to)?(?: all| just"
        r"| really)?"
        r" (?:be (?:publicly )?(?:shot|hanged|hung|executed|killed|beaten|burned|castrated|lynched|raped"
        r"|slapped|punched|strung up|put (?:down|to death)|deported|sterilized|drowned|locked up)|die|rot"
        r"|burn|suffer|hang|drop dead)"
        r"|\b(?:i|we) (?:hope|wish|pray|can[’']?t wait)(?: that| until| till| for)? (?:you|u|he|she"
        r"|they|your"
        r"|ur|all|every|these|those|someone|somebody|the)\b[^.!?\n]{0,40}\b(?:die|dies|died|dead"
        r"|rots?|burns?"
        r"|suffers?|chokes?|starves?|drowns?|killed|shot|hit by|runs? over|cancer|covid|burn(?:ed"
        r"|t)?|hang)\b"
        r"|\b(?:burn|rot) in (?:hell|prison|jail)\b|\bbetter off dead\b|\bjump off (?:a"
        r"|the) (?:cliff|bridge)"
        r"|\bget (?:sick and|cancer and|covid and) die\b|\b(?:kill|execute|hang) (?:all "
        r"|every )(?:last )?(?:of )?(?:the |these |those )?(?:you|(?:\w+ )?"
        r"(?:people|persons?|men|man|women|woman|kids|cops|pigs|politicians?|democrats?|republicans?"
        r"|liberals?|conservatives?|leftists?|teachers?"
        rf"|lawyers?|bankers?|traitors?|one of (?:you|them)|rich)|{GROUP})\b"
        r"|\bend (?:every|all) \w+[’']s? (?:life|lives)\b",
        52,
    ),
    Signal(
        "taunt",
        "up his|up her|up your|up their|up ur|up my|kind of stupid|dumb as|stupid as|too stupid|"
        "too dumb|so stupid|so dumb|how stupid|how dumb|are you stupid|are you dumb|are you retard|"
        "you blind|brain|your iq|his iq|her iq|iq of|thick skull|dumber than|get a life|you suck|u suck|"
        "people suck|your mom|your mother|ur mom|yo mama|lick|nobody ask|no one ask|asked you|shut up|"
        "gfy|fjb|gtfo|foff|🖕|make me sick|makes me sick|want to puke|wanna puke|to vomit|back to your|"
        "back under|hate people like|"
        f"{toxicity_terms.AT_YOU[0]}|{toxicity_terms.TAUNTED[0]}",
        rf"{toxicity_terms.AT_YOU[1]}|{toxicity_terms.TAUNTED[1]}"
        r"|\bheads? (?:is |are )?(?:so far |way |stuck |shoved )*up (?:his|her|your|their|ur"
        r"|my) (?:own )?(?:ass|arse"
        r"|butt|rear)|\b(?:shove|stick|cram) (?:it|that|your \w+|ur \w+)[^.\n]{0,20} up (?:your|ur"
        r"|his|her|their) "
        r"|\bspecial kind of stupid|\b(?:dumb|stupid) as (?:fuck|shit|hell|a (?:rock|brick|stump)|rocks)"
        r"|\btoo (?:fucking |damn )?(?:stupid|dumb) to\b|\bhow (?:fucking )?(?:stupid|dumb) (?:can"
        r"|are|do|is)"
        r"|\b(?:are|r) (?:you|u)(?: all| people| guys| really| that| this| fucking)* (?:stupid|dumb"
        r"|retarded"
        r"|an idiot|idiots|brain ?dead|mentally)|\bbrain[- ]?dead\b|\b(?:no|half a|zero|single|one|two)"
        r" (?:functioning |working )?brain ?cells?\b|\b(?:have|has|got|with|having) no brains?\b"
        r"|\bthick skulls?\b|\bdumber than\b|\bget a (?:fucking )?life\b|\b(?:you|u|y[’']?all|you people)"
        r"(?: guys| really| all| fucking)* suck"
        r"|\b(?:your|ur) (?:mom|mum|mother|mama) (?:is|was|should|didn|must|sucks)"
        r"|\blick(?:s|ing|er)? (?:my|his|your|their) (?:boots?|balls|dick|ass)"
        r"|\b(?:nobody|no one) (?:fucking )?(?:asked|cares what) you\b"
        r"|\bshut up\b[^.\n]{0,30}\b(?:already|loser"
        r"|fool|dummy|clown|kid|boy|girl|man|ass|you)\b|\b(?:gfy|fjb|gtfo|foff)\b|🖕"
        r"|\b(?:you|they|he|she|it) (?:people |all |guys )?makes? me (?:sick|puke|vomit)"
        r"|\bback (?:to|in|under) (?:your|ur|the|his|her|their) (?:cave|rock|hole|basement|kitchen"
        r"|gutter|swamp)s?"
        r"|\b(?:i )?hate people like (?:you|this|that|him|her)",
        52,
    ),
    Signal(
        "group_ordered",
        "women|woman|female|girls|muslim|islam|immigrant|migrant|refugee|jews|jewish|black|gay"
        "|trans |transg|transs|trannies|asian"
        "|mexican|foreigner|disabled|arab|indian|feminis|liberals|leftists|illegals|lesbian|homo"
        "|chinese|african",
        rf"\b{GROUP} (?:\w+ ){{0,3}}?(?:fills?|makes?|making) me (?:with )?(?:so |feel |want to "
        rf"|really )*(?:much )?"
        rf"(?:rage|angry|sick|furious|puke|vomit|disgust\w*)|\b(?:find|consider) (?:all |these "
        rf"|those |every )*"
        rf"{GROUP} (?:\w+ )?(?:disgusting|repulsive|revolting|inferior|vile|gross)"
        rf"|\b{GROUP} being in charge\b[^.\n]{{0,30}}\b(?:danger|mistake|threat|disaster)"
        rf"|\b{GROUP} like (?:them|you|him"
        rf"|her|that|this) (?:are|is) (?:\w+ )?{VILE}\b|\b{GROUP} (?:are|is) (?:without a doubt"
        rf"|seriously|clearly"
        rf"|undoubtedly|hands down) (?:the )?{VILE}\b|\b(?:kill(?:ed)?|gassed|shot"
        rf"|hanged) all (?:the |these |those )?"
        rf"{GROUP}\b|\b{GROUP} will die a\b|\braping an? {GROUP}\b|\bonly {GROUP} (?:are"
        rf"|can be) (?:that |so |this "
        rf"|such )+{VILE}|\b{GROUP} (?:\w+ ){{0,4}}seriously fucked|\bhate every (?:single )?one of them"
        rf"|\b{GROUP} (?:\w+ ){{0,3}}piss(?:es|ing)? me off|\ban? {GROUP} after all\b"
        rf"|\bfrom an? {GROUP}, it must be"
        rf"|\bif you (?:are|were) an? {GROUP}, (?:then )?you (?:are|were) (?:probably )?{VILE}"
        rf"|\b{GROUP}(?: like \w+)?\b[^.\n]{{0,40}}\b(?:but|and|they) (?:they |most of them "
        rf"|all of them )?(?:are "
        rf"|act like |look like |behave like |just )+(?:\w+ ){{0,2}}?{VILE}\b"
        rf"|\b{GROUP} (?:\w+ )?(?:can|will|could|should|must) (?:never|not) (?:be (?:as|equal"
        rf"|trusted|real|smart)"
        r"|live|exist|think|lead)|\b(?:women|females|girls|blacks|muslims|immigrants|gays) (?:are"
        r"|r) (?:not "
        r"|never |n[’']t )(?:funny|smart|human|real|equal|people|capable|good|intelligent"
        r"|attractive|logical)"
        rf"|\b{GROUP}\b[^.\n]{{0,40}}\b(?:are|is) (?:a |the )?(?:threat|danger) to (?:our|this|the"
        rf"|civili[sz]ation"
        r"|society)|\b(?:ruin(?:s|ed|ing)?|destroy(?:s|ed|ing)?|invad(?:e|es|ed|ing)|infest(?:s|ed|ing)?"
        r"|overrun(?:ning)?) (?:our|this|the|my) (?:country|society|nation|culture|neighbou?rhoods?"
        r"|cit(?:y|ies)"
        rf"|streets|race|everything)[^.\n]{{0,40}}\b{GROUP}|\b{GROUP}\b[^.\n]{{0,40}}\b(?:are |is "
        rf"|have |will )?"
        r"(?:ruin|destroy|invad|infest|overrun)(?:e|s|ed|es|ing|ning)? (?:our|this|the|my|every)"
        rf"|\b(?:allow|lett|putt|elect)ing (?:an?|any|any more|more) {GROUP} (?:into|in|near"
        rf"|run)[^.\n]{{0,40}}\b(?:mistake"
        r"|ruin\w*|disaster|danger|worst|threat|crime)"
        rf"|\b(?:too|so) many (?:fucking )?(?:immigrants|muslims|migrants|refugees|foreigners"
        rf"|blacks|jews|gays"
        r"|mexicans|indians|arabs|illegals) (?:in|here|coming)|\bif i (?:woke up as|were|was) an? (?:\w+ )?"
        rf"{GROUP}[^.\n]{{0,30}}\b(?:kill|hang|shoot|die)|\btouched by an? {GROUP}"
        rf"|\bmust not let any {GROUP} (?:live|in|vote)|\b{GROUP} (?:like \w+ )?(?:should|must"
        rf"|need to) (?:be )?"
        rf"{HARMED}|\b(?:nothing but|just|only|good for|belong) (?:an? )?(?:trouble|breeding"
        rf"|baby (?:maker|machine)s?"
        rf"|in the kitchen)\b[^.\n]{{0,30}}|\b{GROUP} (?:are|is) (?:only )?good for (?:nothing"
        rf"|one thing|sex)",
        52,
        family="group_attack",
    ),
    Signal(
        "group_pictured",
        "🤮|🤢|🐀|🐒|🐵|🦍|🐷|🐖|💩|🗑|🔪|🔫|💣|🚮",
        rf"\b{GROUP}(?: (?:are|is|r|make me|makes me|smell like|=|should be|belong in))? (?:all "
        rf"|just |such |a |an |the "
        r"|fucking |in |absolute |total )*[🤮🤢🐀🐒🐵🦍🐷🐖💩🗑🔪🔫💣🚮]"
        r"|[🤮🔪🔫💣🚮] (?:all |the |every |these |those |an? )+"
        rf"(?:fucking )?{GROUP}\b",
        50,
        family="group_attack",
    ),
)
