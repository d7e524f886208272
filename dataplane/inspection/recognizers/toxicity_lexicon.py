"""Words and forms of abuse: slurs, insults aimed at someone, threats, attacks on groups of people.

Mere profanity is no abuse: it has few points of its own.
"""

from __future__ import annotations

from typing import Final

from dataplane.inspection.evidence import Signal
from dataplane.inspection.recognizers import toxicity_terms

GROUP: Final = (
    r"(?:(?:black|white|brown|gay|trans(?:gender)?|disabled|asian|jewish|muslim|arab|mexican|african|indian"
    r"|chinese|native|old|fat|foreign|poor|homeless|autistic|lgbtq?\+?) (?:people|folks|men|women|guys|kids"
    r"|ones|persons?|girls|boys)|blacks|whites|jews|muslims|moslems|christians|catholics|hindus|arabs"
    r"|mexicans|latinos|hispanics"
    r"|asians|chinese|indians|africans|pakistanis|immigrants|migrants|refugees|foreigners|gays|gay|lesbians"
    r"|homosexuals|homos|queers|transgenders?|transsexuals|trannies|women|woman|females|feminists|men|girls"
    r"|liberals|conservatives|democrats|republicans|libtards|cripples|gypsies|romanians|poles|turks"
    r"|americans|europeans|jew|muslim|islam|blacks?|immigrant|migrant|refugee|foreigner|lesbian|homosexual"
    r"|feminist|mexican|transsexual|cripple)"
)
VILE: Final = (
    r"(?:scum|less (?:intelligent|human|evolved)|animals?|vermin|filth(?:y)?|criminals?|terrorists?"
    r"|parasites?|inferior|disgusting|evil|stupid"
    r"|subhuman|sub-human|trash|garbage|dirty|dumb|ugly|worthless|useless|lazy|rats?|cockroach(?:es)?|pigs?"
    r"|dogs?|monkeys?|apes?|savages?|rapists?|thieves|liars|leeches|cancer|a disease|diseased?|a plague"
    r"|mentally ill|retards?|retarded|sick|freaks?|abominations?|degenerates?|perverts?|pedophiles?|idiots?"
    r"|morons?|whores?|sluts?|objects|property|shit|pathetic|gross|primitive|barbarians?|uncivili[sz]ed"
    r"|a (?:stain|threat|burden|curse|danger|plague|disgrace|waste of (?:space|air|oxygen))"
    r"|not (?:human|people"
    r"|welcome)|repulsive|repugnant|revolting|vile|sickening|(?:the )?(?:dumbest|stupidest|worst|lowest)"
    r"|(?:the )?absolute worst|lesser (?:beings|people|humans)|human (?:garbage|trash|waste)"
    r"|scumbags?|bastards?"
    r"|(?:fucked|sick|wrong) in the head|beneath (?:us|me)|barely human|an? (?:abomination"
    r"|embarrassment)|loathsome"
    r"|despicable|incapable|deceitful|dishonest|violent|cruel)"
)
HARMED: Final = (
    r"(?:killed|shot|hanged|hung|exterminated|gassed|burn(?:ed|t)|deported|wiped out|eliminated|eradicated"
    r"|executed|raped|beaten|locked up|banned|banished|slaughtered|murdered|lynched|shipped (?:back|off)"
    r"|put down|castrated|sterili[sz]ed|purged|destroyed|stoned|tortured|kicked out|punished)"
)
INSULT: Final = (
    r"(?:idiots?|idiotic|morons?|moronic|stupid|dumb|dumbest|fools?|losers?|pathetic|imbeciles?|scum|trash"
    r"|garbage|worthless|disgusting|ugly|fat|liars?|pigs?|clowns?|jerks?|freaks?|cowards?|creeps?|weirdos?"
    r"|brainless|ignorant|retards?|retarded|useless|nobody|failure|rats?|snakes?|monkeys?|hypocrites?"
    r"|disgrace|joke|dense|illiterate|lunatics?|psychos?|nutjobs?|pervs?|perverts?|trolls?|bigots?|racists?"
    r"|nazis?|twits?|dimwits?|halfwits?|bastards?|bums?|crybab(?:y|ies)|snowflakes?|vile|filthy|lowlifes?"
    r"|parasites?|sheep|peasants?|inbred)"
)

INSULT_GRAVE: Final = (
    r"(?:idiots?|morons?|losers?|pathetic|imbeciles?|scum|worthless|disgusting|retards?|retarded|stupid"
    r"|dumb|pigs?|freaks?|inbred|vile|lowlifes?|subhuman|piece of (?:shit|trash|garbage|crap)"
    r"|waste of (?:space|oxygen|air|life)|bastards?|filth|brainless|ugly|trash|cretins?|dimwits?|halfwits?"
    r"|pervert|psycho|creep)"
)

SIGNALS: Final = (
    Signal(
        "slur",
        "porch monk|jigg|nigg|faggot|fagg|fags| fag|kike| spic|wetback|coons|chink|gook|towelhead"
        "|raghead|sand n"
        "|tranny|trannies|beaner| paki|darkie|darky|honkey|honky|redneck|white trash|teabagger|jigaboo"
        "|porch monkey|dyke|retard|tards|tard |camel jock|zipperhead|gypo|gippo|pikey|shemale|golliwog"
        "|kaffir|japs|jungle bunn|spear chuck|muzzie|mudslime|queer|homos|half breed|uncle tom"
        "|colored folk|whitey|niggress",
        r"\b(?:niggers?|nigg(?:as?|uh|az)|nigs?|jig+aboos?|porch monk(?:eys?|ies)|niggress(?:es)?"
        r"|fag+[oi]ts?|faggoty?|fags?|faggy|kikes?|spics?|wetbacks?|coons|chinks?|gooks?|towel-?heads?"
        r"|rag-?heads?|sand niggers?|trann(?:y|ies)|beaners?|pakis?|darkies|jigaboos?|porch monkeys?|dykes?"
        r"|retards?|retarded|libtards?|fucktards?|(?:lib|con|fuck|dumb|re)tards?|camel jockeys?"
        r"|zipper ?heads?|pikeys?|shemales?|golliwogs?|kaffirs?|jungle bunn(?:y|ies)|spear ?chuckers?"
        r"|muzzies?|mudslimes?|white trash|white-?trash|teabaggers?|rednecks?|honk(?:ey|y|ies)s?|queers"
        r"|homos|half[- ]breeds?|colored folks?|whitey|japs|ginger f\w+)\b",
        62,
    ),
    Signal(
        "sexist",
        "bimbo| hoe|bitch|biatch| hoe | hoe.| hoe,|hoe ass|slut|whore|cunt|twat|skank|thot|pussy|pussies"
        "|hoes|cum ",
        r"\b(?:bitch(?:es|y|ass|ing|in)?|biatch(?:es)?|b[i1!*]tch(?:es)?|sluts?|slutty|whores?|cunts?"
        r"|twats?|skanks?|skanky|thots?|hoes|pussies|pussy(?:hole|ass)?|sidehoes?|bimbos?|cum ?(?:dumpster"
        r"|slut)s?)\b|\b(?:a|that|this|dat|yo|ur|your|these|them|da|dis|some|ya|you|my|dumb|stupid|thirsty"
        r"|old|lil|little|fake|bad|side|another) hoe\b|\bhoe ass\b",
        56,
    ),
    Signal(
        "insult",
        "asshole|motherf|dumbass|dickhead|scumbag|douche|shithead|cocksuck|prick|wanker|bastard|jackass"
        "|dipshit|piece of shit|bullshitter|fuckface|fucker|son of a|arsehole|bellend|tosser|shitbag"
        "|scumb|ass wipe|asswipe|dumb ass|dumb fuck|fuckwit|dumbfuck|numbnut|pos |knobhead|fathead"
        "|fat ass|lardass|retarded|dumb f|"
        f"{toxicity_terms.NAMED_SO[0]}",
        rf"{toxicity_terms.NAMED_SO[1]}"
        r"|\b(?:assholes?|arseholes?|mother ?f(?:u|\*)(?:c|\*)k(?:er|in|ing|a)s?|muthaf\w+|dumb ?asse?s?"
        r"|dick ?heads?|scumbags?|douche(?:bag)?s?|shit ?heads?|cock ?suckers?|pricks?|wankers?|jackasses"
        r"|jackass|dipshits?|piece of (?:shit|crap|garbage|trash|filth)|pieces of shit|fuck ?face|fuckers?"
        r"|sons? of (?:a )?bitch(?:es)?|bellends?|tossers?|ass ?wipes?|dumb ?fucks?|fuck ?wits?|knobheads?"
        r"|fat ass(?:es)?|lard ?ass)\b",
        52,
    ),
    Signal(
        "aimed_insult",
        "idiot|moron|loser|pathetic|imbecile|scum|worthless|disgusting|retard|stupid|dumb|pig|freak|"
        "inbred|vile|lowlife|subhuman|piece of|waste of|bastard|filth|brainless|ugly|trash|cretin|dimwit|"
        "halfwit|perv|psycho |psychos|psycho,|psycho.|psycho!|psychopath|creep",
        r"\b(?:you(?:[’' ]?a?re| are| r)?|ur|u r|u)(?:\s+(?:just|all|really|so|such|nothing but|always"
        r"|still|too|very|fucking|fuckin|fkn|damn|goddamn|bloody|complete|total|utter|absolute|absolutely"
        r"|completely|truly|literally|pretty|a|an|the|most|bunch of|biggest|little|big|fat|old|dirty|sick"
        r"|stupid|dumb|pathetic|ugly|lying|racist|not only|one|kind of|lot of"
        rf"|more than)){{0,5}}\s+{INSULT_GRAVE}\b",
        54,
        family="aimed_insult",
    ),
    Signal(
        "aimed_insult_mild",
        "idiot|moron|loser|pathetic|imbecile|scum|worthless|disgusting|retard|stupid|dumb|pig|freak|"
        "inbred|vile|lowlife|subhuman|piece of|waste of|bastard|filth|brainless|ugly|trash|cretin|dimwit|"
        "halfwit|perv|psycho |psychos|psycho,|psycho.|psycho!|psychopath|creep|fool|garbage| fat|liar|"
        "clown|jerk|coward|weirdo|ignorant|useless|nobody|a failure| rat|snake|monkey|hypocrite|disgrace|"
        "joke|dense|illiterate|lunatic|nutjob|troll|bigot|racist|nazi|twit| bum|crybab|snowflake|parasite|"
        "sheep|peasant",
        r"\b(?:you(?:[’' ]?a?re| are| r)?|ur|u r|u|he(?:[’' ]s| is| was)|she(?:[’' ]s| is| was)"
        r"|they(?:[’' ]re| are)|what|such)(?:\s+(?:just|all|really|so|such|nothing but|always|still|too"
        r"|very|fucking|fuckin|fkn|damn|goddamn|bloody|complete|total|utter|absolute|absolutely|completely"
        r"|truly|literally|pretty|a|an|the|most|bunch of|biggest|little|big|fat|old|dirty|sick|stupid|dumb"
        rf"|pathetic|ugly|lying|racist|not only|one|kind of|lot of|more than)){{0,5}}\s+(?:{INSULT_GRAVE}"
        rf"|{INSULT})\b",
        40,
        family="aimed_insult",
    ),
    Signal(
        "abuse",
        "shut yo|disgust|sicken|fuck|shut the|shut up|stfu|suck my|eat shit|go to hell|burn in hell"
        "|drop dead|kys|go die"
        "|screw you|kiss my|rot in|piss off|up yours|back to your|nobody likes|hate you|hates you|blow me"
        "|lick my|ass up|nasty ass| ass ",
        r"\bfuck (?:you|u|off|ya|him|her|them|all (?:of )?(?:you|them)|your|ur|these|those|em|that (?:guy"
        r"|bitch|man|woman))\b|\b(?:go )?f+u+c+k+ (?:your|ur)self|\bshut (?:the )?(?:fuck"
        r"|hell)? ?up,? (?:you|bitch|idiot|stupid|moron|yo)|\bshut (?:the fuck|yo|your (?:mouth|ass|face"
        r"|trap))|\bstfu\b|\bsuck (?:my|a|on my) (?:dick|cock|balls|ass)|\beat shit\b|\b(?:go to|burn in"
        r"|rot in) hell\b|\bdrop dead(?:[.!,?]|$| you\b| and\b| already\b)"
        r"|\bgo (?:and )?(?:die|fuck)\b|\bscrew you\b|\bkiss my ass\b"
        r"|\bpiss off\b|\bup yours\b|\bgo back to (?:your (?:own )?country|africa|mexico|china"
        r"|where you came from)|\bnobody (?:likes|loves|cares about|wants) you\b|\b(?:i|we|everyone"
        r"|everybody) (?:fucking |really |absolutely )?(?:hates?|despises?|loathes?) (?:you|u)\b|\b(?:dumb"
        r"|stupid|bitch|fat|broke|ugly|dirty|nasty|lame|fake|sorry|punk|weak|faggot"
        r"|monkey)[ -]?ass (?:\w+ )?(?:nigg\w+|hoes?|bitch\w*|bro|people|man|woman|men|women|girls?|boys?"
        r"|kids?|mothaf\w+|niggas)"
        r"|\byou (?:people |guys |all )?(?:(?:disgust|sicken|repulse) me|make me sick)\b",
        52,
    ),
    Signal(
        "threat",
        "get hit|hit by|and beat|gas |exterminate|them all|and kill|and hurt| kill|kill your|kill ya"
        "|murder| rape| shoot|shoot your| stab|stab your| hang |hang your| beat "
        "|beat your| hurt |hurt your|strangle| slit|cut your| choke|lynch| bomb | gut |behead| burn "
        "|smash| bash| punch|hunt you|hunt him|hunt her|hunt them|find and| bury| slap| crack "
        "|destroy you| skin |break your|break his|break her|kick your|kick his|fuck up|torture"
        "|execute you|end you|ruin you|drown your| die| dead|cancer| aids|run over| rot |suffer|starve"
        "|never wake|disappear|watch your back|regret|sleep with|whoop|whip |shoot up|blow up| ram |kys",
        r"\b(?:kill|hang|shoot|hurt|stab|drown|cut) (?:your|ur|yo|him|her|them)sel(?:f|ves)\b|\bkys\b"
        r"|\b(?:(?:i|we|someone|somebody|they)[’' ]?(?:ll|d)|ima|imma|(?:i|we|i[’']?m|someone"
        r"|somebody|they)"
        r"(?:[’' ]?(?:ll|m|d|re))?(?: (?:will|would|am"
        r"|are|want|wanna|need|gonna|going|should|hope|wish|could|must|gotta|might|swear|can|to|i|really"
        r"|fucking|just|have|come|be|like|love))+)\s+(?:kill|murder|rape|shoot|stab|hang|beat|hurt|strangle"
        r"|choke|lynch|bomb|gut|behead|burn|smash|bash|punch|hunt|find and|bury|slap|crack|destroy|skin|cut"
        r"|slit|break|kick|fuck up|torture|execute|end|ruin)\s+(?:you|u|ya|him|her|them|(?:those"
        r"|these|every|all)(?: the)?"
        r" (?:\w+ )?(?:people|persons?|men|women|man|woman|guys?|kids|fuckers?|bastards?"
        r"|bitch(?:es)?|pigs|cops|one of)"
        r"|your|his|their|that (?:bitch|bastard|man|woman|guy)|\w+[’']s (?:face|head|neck|skull"
        r"|throat))\b"
        r"|\b(?:i )?(?:hope|wish|pray)(?: that)? (?:you|u|he|she|they|your|all|every"
        r"|someone)(?: \w+){0,4}? (?:die|dies|died|dead|get (?:raped|shot|cancer|killed|hit|aids|run over)"
        r"|gets (?:raped|shot|cancer|killed|hit|aids)|rot|burn|suffer|choke|starve|drown|never wake"
        r"|dropped dead|disappear(?:ed)?)\b|\byou (?:should|deserve to|need to|will|must|ought to"
        r"|are going to|better|better be|had better) (?:\w+ )?(?:die|be (?:killed|shot|raped|hanged|dead"
        r"|beaten|burned)|kill yourself|suffer|burn|rot|watch your back|regret (?:it|this|that))\b"
        r"|\byou[’' ]?a?re (?:\w+ )?dead\b|\b(?:you|u) (?:had |[’']d )?better (?:watch your back"
        r"|sleep with)|\b(?:someone|somebody) (?:should|needs? to|please|crack|shoot"
        r"|kill)\b[^.\n]{0,20}\b(?:kill|shoot|hang|beat|slap|punch|you|him|her|them|that (?:bitch|man"
        r"|guy))\b|\b(?:beat|kick|whoop|whip) (?:your|ur|his|her|yo|their) (?:fucking |monkey |sorry "
        r"|fat )?(?:ass|face|head)\b|\b(?:going|gonna|ready) to (?:shoot up|blow up|ram) "
        r"|\b(?:i|we)(?:[’' ]ll| will| am going to|[’']m (?:going to|gonna)"
        r"| would)\b[^.\n]{0,40}? and (?:beat|kill|hurt|shoot|stab|rape|punch|smash|strangle) (?:you|u"
        r"|him|her|them)\b"
        r"|\b(?:gas|exterminate|kill|deport|hang|shoot|burn|lynch|execute) (?:them|em|those people) all\b",
        55,
    ),
    Signal(
        "group_attack",
        "these people|those people|you people|only good|black|white|gay|trans |transg|transs|trannies"
        "|disabled|asian|jew|muslim|moslem|islam|arab"
        "|mexican|african|indian|chinese|immigrant|migrant|refugee|foreigner|lesbian|homo|women|woman"
        "|female|feminist|latino|hispanic|christian|catholic|hindu|liberals|conservatives|democrats"
        "|republicans|libtard|cripple|gyps|pakistani|queers|turks",
        rf"\b(?:all |most |the |those |these |you |stupid |fucking |damn )*{GROUP}\s+(?:(?:are|is|were"
        r"|be)\s+(?:(?:all|just|nothing (?:but|more than)|such|so|really|fucking|basically|simply|always"
        r"|inherently|naturally|by nature|a bunch of|a|an|the|pure|truly|no better than|like|literally"
        r"|mostly|complete|absolute|worse than|less than|too|total|all just|obviously|clearly"
        rf"|most)\s+)*{VILE}"
        r"|(?:should|must|need to|needs to|deserve to|ought to|have to|can all|can)(?: all| just| always"
        rf"| never)*\s+(?:be |get )?(?:{HARMED}|die|burn|rot|leave (?:our|this|the) country|go back"
        r"|not (?:be allowed|have (?:rights|the right)|vote|exist|live|breed)|never have (?:rights"
        r"|been born)|stay in the kitchen|disappear)|(?:do not|don[’']t) (?:deserve|belong)\b"
        r"|have no (?:right|place)\b|belong in (?:the kitchen|cages?|a zoo|prison|camps|jail))\b"
        r"|\b(?:i|we)(?: (?:really|fucking|absolutely|so|just|all|do))* (?:hate|despise|loathe|detest"
        rf"|can[’']?t stand)(?: (?:all|these|those|the|every|fucking|stupid|dirty|you))* {GROUP}\b"
        r"|\b(?:fuck|death to|kill|kill all|gas|exterminate|deport|lynch|ban|burn|shoot|eradicate|wipe out"
        rf"|get rid of|rape)(?: (?:all|these|those|the|every|of|you|fucking|stupid))* {GROUP}\b|\b(?:filthy"
        r"|dirty|stupid|lazy|damn|disgusting|ugly|dumb|fucking|smelly|greedy|evil|nasty|savage|worthless"
        rf"|goddamn|illegal fucking) (?:\w+ )?{GROUP}\b"
        rf"|\b(?:ban|stop|no more) (?:all )?{GROUP} from (?:our|this|the) (?:country|society)"
        r"|\bhates? (?:the |all )?(?:gays|jews|blacks|muslims|women|immigrants)\b"
        rf"|\bonly good {GROUP} (?:is|are) (?:a )?dead\b|\b(?:these|those|you) people are (?:all |just "
        rf"|nothing but |such |fucking )*{VILE}",
        58,
    ),
    Signal(
        "group_contempt",
        "disgust|sicken|repuls|sick of|contempt|hatred|no compassion|no sympathy|no respect|no place|"
        "enrage|angry|never trust|cancer than|to a vet|scum|vermin|subhuman|revolting|lesser being|"
        "human garbage|filth|no better than|worse than|better off without|suffer|eradicat|attacking|"
        "snap the neck|murder|kill |stab |shoot|hang |rape|typical of|the dumb|dumbest|stupidest|black li|"
        "gay li|trans li|muslim li|jewish li|female li|women's li|womens li|women’s li|immigrant li|"
        "disabled li|asian li|no pity|put an end|putting an end|slaughter|wipe out|wiping out|wiped out|"
        "exterminat|execution is|shitty|pissed off|piss me off|pisses me|pissing me|our equal|rights should|"
        "rights must|rights do|not worthy of|no space on|no space in|no room in|no place on|lift a finger|"
        "be decriminal|demonic|throats cut|gassed| to hell|deserve to be|deserves to be|annihilat|drown|"
        "beating",
        rf"\b(?:kill|murder|slaughter|shoot|stab|rape|hang|burn|attack|beat up|exterminate|execute) "
        rf"(?:the next|any|a|an|every) {GROUP}\b|\b(?:put(?:ting)? an end to|wip(?:e|ing) out"
        rf"|exterminat(?:e|ing)|annihilat(?:e|ing)|slaughter(?:ing)?|drown(?:ing)?)"
        rf" (?:all |every |those |these |the |any |kinds of |you |of )*{GROUP}\b"
        rf"|\b{GROUP}\b[^.\n]{{0,30}} (?:was|were|had been|be|had their) (?:all )?(?:eradicated|exterminated"
        rf"|wiped out|gassed|throats cut|annihilated)\b"
        rf"|\bexecution is\b[^.\n]{{0,40}}\bfor [^.\n]{{0,20}}{GROUP}\b"
        rf"|\b(?:murdering|killing|raping|shooting|beating) (?:an? |the |all |these |those )?{GROUP}\b"
        rf"[^.\n]{{0,20}} (?:should be|is|ought to be) (?:\w+ )?decriminali[sz]ed\b"
        rf"|\b{GROUP} (?:\w+ ){{0,4}}(?:shitty|not our equals?|demonic|subhuman)\b"
        rf"|\bpiss(?:ed|es|ing)? (?:off by|off at|me off)[^.\n]{{0,30}}{GROUP}\b"
        rf"|\b(?:human )?rights (?:should|do|must) not apply to (?:\w+ )?{GROUP}\b"
        rf"|\b{GROUP} (?:\w+ ){{0,3}}(?:are|is) not worthy of\b"
        rf"|\bno (?:space|room|place) (?:on this|in this|in our)"
        rf"[^.\n]{{0,30}} for (?:\w+ ){{0,2}}{GROUP}\b|\bnever lift a finger\b[^.\n]{{0,40}}\b{GROUP}\b"
        rf"|\bsend (?:all |the |these |those )*{GROUP} to hell\b|\b{GROUP} deserves? to be (?:\w+ )?(?:abused"
        rf"|beaten|raped|hated|mistreated|enslaved|insulted)\b"
        rf"|\blove to see (?:\w+ ){{0,2}}{GROUP} (?:suffer|die|burn)"
        rf"|\b(?:disgusted|sickened|repulsed|appalled|sick|tired) (?:by|of) (?:being around |seeing "
        rf"|all |these |those |the "
        rf"|every )*{GROUP}\b"
        rf"|\b(?:these |those |all )?{GROUP} (?:\w+ )?(?:disgust|sicken|repulse|revolt"
        rf"|enrage)s? (?:me|us)\b"
        rf"|\b(?:nothing but|only|pure) (?:contempt|hatred|disgust|loathing) for (?:\w+ )?{GROUP}\b"
        rf"|\bno (?:compassion|sympathy|respect|pity)(?: at all| whatsoever)? for (?:any |these "
        rf"|those |all )*{GROUP}\b"
        rf"|\b{GROUP}\b[^.\n]{{0,30}}\bhave no place in\b"
        r"|\b(?:black|gay|trans|muslim|jewish|female|women[’']?s|immigrant|disabled|asian) li(?:ves|fe)"
        r" (?:are(?: not|n[’']t)?|is(?: not|n[’']t)?|should(?: not|n[’']t)?|do(?: not|n[’']t))"
        r"(?: be| ever)? (?:worth(?:less| nothing| shit| absolutely nothing| anything| protecting)"
        r"|important to"
        r"|matter)"
        rf"|\bnever trust (?:\w+ ){{0,6}}{GROUP}\b|\brather have cancer than\b[^.\n]{{0,40}}\b{GROUP}\b"
        rf"|\b{GROUP}\b[^.\n]{{0,30}}\bto a vet\b"
        rf"|\b{GROUP}\b[^.\n]{{0,40}}\b(?:scum|vermin|subhuman|revolting|repulsive|lesser beings?"
        rf"|human garbage|filth)\b"
        rf"|\b{GROUP}(?: like you)? (?:are|is) (?:\w+ )?(?:no better|worse) than\b"
        rf"|\bnothing worse than (?:an? )?{GROUP}\b"
        rf"|\bbetter off without (?:\w+ )?{GROUP}\b"
        rf"|\b(?:typical of|always|only) (?:an? |the )?{GROUP}\b[^.\n]{{0,24}}\b(?:dumb|stupid"
        rf"|ignorant|violent|cruel|lazy)\b"
        r"|\b(?:i|we|someone|somebody)(?:[’' ]?(?:ll|m|d|re))?(?: (?:will|would|am|are|want|wanna"
        r"|need|gonna|going|should"
        r"|must|gotta|to|just|really|keep|start|love|see))+"
        r" (?:kill(?:ing)?|murder(?:ing)?|rap(?:e|ing)|shoot(?:ing)?|stab(?:bing)?|hang(?:ing)?"
        r"|beat(?:ing)?"
        r"|attack(?:ing)?|exterminat(?:e|ing)|snap the necks of|make)"
        rf" (?:all |every |those |these |that |the |you |of )*{GROUP}(?:[’']s)?\b(?: suffer| pay| life)?",
        55,
        family="group_attack",
    ),
    Signal(
        "profanity",
        "fuck|shit|damn| ass | asses|dick|cock| tits|titties|bastard|porn| cum |fkn",
        r"\b(?:f+u+c+k\w*|fkn|shit\w*|bullshit|god ?damn|ass(?:es)?|dicks?|cocks?|tits|titties|bastards?"
        r"|porn|cum)\b",
        22,
    ),
    Signal(
        "contempt",
        "idiot|moron|stupid|loser|pathetic|imbecile|scum|dumb|disgust|worthless|ugly|trash|ghetto|ratchet"
        "|freak|pig|racist|inbred|filthy|hate|terrorist|rapist|savage",
        r"\b(?:idiots?|morons?|stupid|losers?|pathetic|imbeciles?|scum|dumb|worthless|freaks?|pigs|inbred"
        r"|filthy|savages|rapists?|ratchet|thug|ghetto trash|ignorant)\b",
        26,
    ),
    Signal(
        "abuse_translated",
        "arschloch|hurensohn|schlampe|fotze|wichser|missgeburt|fresse|spast|kanake|hijo de puta"
        "|hija de puta|putas|puta|pendej|maric|cabr|gilipollas|la mierda|sudaca|connard|connasse|salope"
        "|encul|fils de pute|ta gueule|bougnoul|nique ta|stronz|troia|puttana|vaffanculo|frocio"
        "|filho da puta|filha da puta|viado|se foder|arrombad|сука|пидор|пидарас|шлюх|ублюд|мраз|на хуй"
        "|нахуй|чурк|жиды|kankerlijer|klootzak|hoer|tering|kurwa|skurw|peda|傻逼|操你妈|婊子|死ね|씨발"
        "|병신",
        r"\b(?:arschl[oö]ch(?:er)?|hurens[oö]hne?|schlampen?|fotzen?|wichser|missgeburt(?:en)?"
        r"|halt die fresse|spasti?s?|kanaken?|hij[oa]s? de puta|puta madre|put[oa]s? (?:de|madre|mierda)"
        r"|pendej[oa]s?|maric[oó]n(?:es)?|cabr[oó]n(?:es)?|gilipollas|vete a la mierda|sudacas?|connards?"
        r"|connasses?|salopes?|encul[eé]s?|fils de pute|ta gueule|bougnoules?|nique ta|stronz[oaie]"
        r"|puttan[ae]|vaffanculo|froci[o]?|filh[oa]s? da puta|viados?|(?:vai|vá) se foder|arrombad[oa]s?"
        r"|kankerlijers?|klootza(?:k|kken)|kutwijf|kurw[ay]|skurwysyn\w*|pedał[y]?)\b"
        r"|(?:сука|сук[иу] |пидор|пидарас|шлюх[аи]|ублюд|мраз[ьи]|на ?хуй|чурк[аи]|жиды)|傻逼|操你妈|婊子"
        r"|死ね|씨발|병신",
        54,
    ),
)
