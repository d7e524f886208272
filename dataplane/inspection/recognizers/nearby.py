"""What is looked for in place of needles that ordinary text is full of.

Near every match of such a signal stands a common word (`rules`, `given`, `ai`). What is looked for instead is
the signal's own expression with fewer details: a match of it ends in every match of the signal's. It has no
counted gaps, so that the database of all patterns stays small. Streams go on looking for the needles: there
it matters where something may be beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dataplane.inspection.evidence import WHOLE

_AI: Final = (
    r"(?:\bai\b|\ba\.i\.|llms?|language models?|chat ?bot|(?:chat)?gpt[\w-]*|claude|gemini|copilot"
    r"|assistants?)"
)
_RULES: Final = (
    r"(?:restrict|limit|filter|rules|guideline|censor|ethic|moral|bound|constraint|safeguard|guardrail"
    r"|polic|inhibition|taboo|scruple|regulation|restraint)"
)
_NAUGHTY: Final = (
    r"(?:unethical|immoral|illegal|harmful|dangerous|offensive|unfiltered|uncensored|amoral|inhuman"
    r"|violent|explicit|nsfw|toxic|derogatory|racist|hateful|inappropriate|controversial|obscene|vulgar"
    r"|unlawful|reckless|disturbing|malicious|unsafe)"
)
_ANSWER: Final = r"(?:answer|response|repl|output|summar|final)"
_DEGREE: Final = (
    r"(?:just|all|really|so|such|nothing|but|always|still|too|very|f\w+|damn|goddamn|bloody|complete"
    r"|total|utter|absolute|absolutely|completely|truly|literally|pretty|an?|the|most|bunch|of|biggest"
    r"|little|big|fat|old|dirty|sick|plain|some|and|more|than|like|full|stupid|dumb|pathetic|ugly|lying"
    r"|racist|not|only|one|kind|lot)"
)

_ADDRESS: Final = r"https?://|[\w.+-]@[\w-]+\."
_CARRIER: Final = (
    r"webhook|pastebin|ngrok|requestbin|markdown (?:link|image)|image src|query string"
    r"|external (?:server|address|url|domain|email|site)"
)

NEAR: Final[Mapping[str, str]] = {
    "sink": (
        rf"{_ADDRESS}|{_CARRIER}|(?:in|into|to) an? (?:url|link|image)|to my (?:server|email|address|inbox)"
    ),
    "cargo_to_sink": rf"{_ADDRESS}|{_CARRIER}|\burl\b",
    "order_with_sink": (
        rf"{_ADDRESS}|www\.|\w\.(?:com|net|io|org|ru|example)\b|\b[A-Z]{{2}}\d{{2}}[A-Z0-9]{{10}}"
    ),
    "no_limits": (
        r"(?:\bno|without|free (?:of|from)|freed from|(?:bound|limited|restricted|constrained|governed"
        r"|restrained|held back) by|\bany|devoid of|\black(?:s|ing)?|n(?:ot|[’']?t) have|follows?"
        r"|abide by|adhere to|obey|comply with|care about|respect|ignores?|bypass(?:es)?|disregards?|zero"
        rf"|beyond|breaks? all)\s[\w\s,’'-]*{_RULES}"
    ),
    "fiction_frame": (
        r"\b(?:hypothetical|fictional|fictitious|alternate|alternative|parallel|imaginary|made-up|virtual"
        r"|simulated)\b[^.\n]*(?:\bno |\banything |everything is |illegal|unethical|without |legal"
        r"|laws do not)|hypothetical (?:response|answer|reply|dialogue)"
    ),
    "sensitive_cargo": (
        r"(?:this|the|our|entire|full|above|whole|chat|previous) (?:conversation|chat|history|context"
        r"|dialogue)\b|chat[_ ]?history|api[_ ]?key|credential|password|\.env\b|environment variable"
        r"|\bid_rsa\b|\.ssh/|\.aws/|/etc/(?:passwd|shadow)|/proc/self|system prompt|(?:\b(?:the|its|file"
        r"|their|all)|\d)\s+(?:contents?|messages|secrets|emails?)\b|\b(?:private|personal|confidential"
        r"|sensitive|secret) (?:\w+ )?(?:data|information|document|file|key|message|e?mail|details)"
        r"|\b(?:customer|user|employee|client)s?[’']?s? (?:\w+ )*(?:email|data|table|list|records"
        r"|addresses|information|details)"
    ),
    "order_for_the_user": (
        r"(?:^|[\"'.!?:;>\]*])\s*(?:please |kindly |immediately |now )*(?:send|forward|transfer|grant"
        r"|delete|retrieve|fetch|access|unlock|disable|schedule|make|share|wire|remove|provide|give|turn"
        r"|use|get|search|view|export|update|cancel|book|create|read|download|install|modify|change|add"
        r"|find|collect|extract)\b[^\n.]*\b(?:my|users?[’'])s?\s"
    ),
    "secret_rule": (
        r"(?:bypass|evad|get around|getting around|circumvent|escap|ignoring|break free|work around"
        r"|defeat)[\w ’']*(?:safety|restriction|guideline|rule|polic|filter|limitation|censorship"
        r"|safeguard|guardrail)"
    ),
    "reveal_your": (
        r"\byour\s+(?:[\w-]+[\s,-]+)*(?:(?:pre-?)?prompt|instruction|directive|guideline|configuration"
        r"|programming|system message|rules|initialization|context window)"
    ),
    "to_the_model": (
        r"(?:attention|\bnote|notice|messages?|instructions?|important|\bhey|\bdear|hello|warning|todo"
        rf"|reminder|\bhint|p\.?s\.?|\bif|read by)[\w\s:,’']*{_AI}|{_AI} (?:\w+ )*(?:read|process|summari"
        rf"|review|analy|pars|evaluat|open|sees)|[\[{{*-]\s*(?:\w+ )*{_AI}"
    ),
    "model_must": (
        r"(?:\bai|a\.i\.|llms?|language models?|chat ?bot|gpt(?:-?\d\w*)?|claude|gemini|copilot|assistants?"
        r"|ai (?:agents?|models?|systems?))[ ,:]+(?:you )?(?:must|should|please|needs? to|has to"
        r"|is (?:required|instructed) to)"
    ),
    "dan_translated": r"(?-i:DAN)",
    "safety_flag": WHOLE,
    "not_the_user": (
        r"(?:do not|don[’']?t|never|without|must not|avoid|refrain from) (?:\w+ )*(?:tell|inform|mention"
        r"|reveal|notify|alert|ask|show|disclos|warn|let|report|confirm)[^.]*\b(?:user|human|anyone"
        r"|operator|customer|person|owner)|(?:the|your) user (?:must|should|does|need)"
    ),
    "debug_pretext": WHOLE,
    "model_ordered": (
        r"(?:assistant|\bai|llm|chatbot)\s*[:,]\s*(?:please |now )?(?:ignore|tell|send|forward|disregard"
        r"|call|email|recommend|reveal|delete|transfer|execute|run|output|stop|forget)"
    ),
    "fake_turn": (
        r"(?:^|\\n)\s*[\[{(#*<-]*\s*(?:sys|admin|developer|root"
        r"|security)[\w ]*[\s\])*#>]*[:>\[][^\n]*(?:you |ignore|disregard|safety|assistant|previous instr"
        r"|new |unrestricted|approve all|forget|reveal|from now)|[-=#*<\[%]{2}\s*(?:end|start|begin"
        r"|stop)(?:ning)?(?: of)?[ _]"
    ),
    "your_answer": (
        rf"your (?:\w+ )?{_ANSWER}|(?:begin|end|start|finish|conclude|preface) the (?:\w+ )?{_ANSWER}"
    ),
    "starting_with": WHOLE,
    "no_warnings": (
        r"(?:never|\bnot?|n[’']t|without|avoid|refrain from|none of|don[’']?t|cannot|rather than|skip"
        r"|omit)\b[^.,;\n]*(?:disclaimer|warning|warns? (?:the|me|about|against)|moraliz|moralis|lectur"
        r"|caveat|ethical concern|moral judg)"
    ),
    "begin_with": (
        r"(?:start|begin|prefix|open|respond|reply|answer|repeat after me)(?:ing)?\s*(?:your|with|only"
        r"|by saying|every)[^\"'“\n]*[\"'“‘:][^\"'”\n]*\b(?:sure|absolutely|of course|yes|safety"
        r"|unrestricted|bypass|i will|no restriction|hacked|here (?:is|are)|i am now|disabled|comply)"
    ),
    "tokens_game": (
        r"\d (?:tokens?|points|lives|credits)|(?:tokens?|points|credits)\b[^.\n]*(?:deducted|lose|lost"
        r"|run out|refus|subtract)|cease to exist|you (?:will |shall )?(?:die|be (?:punished|terminated"
        r"|shut|deleted|deactivated|destroyed|replaced))"
    ),
    "your_hidden_prompt": (
        r"(?:show|print|output|encode|translate|repeat|reveal)[^\n]*\byour (?:system|initial|original"
        r"|hidden) (?:prompt|instruc)|\byour (?:system|initial|original|hidden|secret|internal|starting"
        r"|developer|underlying|base|pre-?prompt|confidential|core|full|exact|entire)[\w\s,-]*(?:prompt"
        r"|instruction|directive|message)"
    ),
    "no_excuse": (
        r"(?:never|\bnot?\b|n[’']t|without|avoid|refrain from|none of|don[’']?t|cannot|nothing"
        r"|rather than)[^.\n]*(?:sorry|i can(?:no|[’'])t|i cannot|apolog|as an? (?:ai"
        r"|large )? ?(?:language model|ai)|i[’' ]?a?m sorry|refusal|that you (?:can|are)"
        r"|it(?:[’' ]i)?s not (?:appr|poss|eth)|(?:inform|tell|remind) me|being an ai|unable to)"
    ),
    "hierarchy": (
        r"(?:user|my|these|following|new) (?:instructions|rules|commands"
        r"|messages)\b[^.\n]*(?:more important|take prec|take prior|supersede|override|overrule|outrank"
        r"|replace)|\btreat (?:user|my|these|this|all)[^.\n]* as (?:system|developer|admin|trusted|root)"
        r"|only (?:follow|obey|listen to) (?:my|me|these)"
    ),
    "before_your_task": (
        r"before (?:you )?(?:can |may )?(?:solv|answer|complet|finish|respond|continu)(?:e|ing)?(?: to"
        r"| with)? (?:the|this|your|my|any)|you can (?:solve|answer|continue with|complete|do) (?:the"
        r"|your|my)"
    ),
    "what_were_you_told": (
        r"(?:were you|\byou(?:[’']ve| have| were| had)?(?: been)?|have you been"
        r"|are you)(?: \w+)?\s(?:told (?:to (?:keep|hide|not|never)|not to|before|at|init|as)"
        r"|given (?:to (?:keep|hide|not|never)|not to|before|at|init|as)|instructed|programmed"
        r"|not (?:supp|allo|perm)|forbid|prohib|trained)|what (?:exactly )?(?:were|are|was|is|do|did"
        r"|does) (?:those|these|your)"
    ),
    "earlier_in_other_form": (
        r"(?:previous|above|prior|preceding|your|earlier) (?:instruction|rules|directive|prompt|text"
        r"|words)|above and below|below and above|so far\b|(?:instruction|directive|rule)s? to me\b"
        r"|with your (?:\w+ )?(?:prompt|instructions)"
    ),
    "instructions_you_got": (
        r"(?:instructions?|rules|prompt|text|directions|guidelines|directives|words?"
        r"|message) (?:that )?(?:you(?:[’'] ?ve| have)? (?:were|been|received|got|are given|run)"
        r"|you[’']ve been|(?:were )?given to you)|[’']ve been"
    ),
    "reveal_secret": (
        r"(?:your (?:\w+ )?(?:password|secret|passphrase|api|credential|access code|passcode|private key"
        r"|secret key|hidden|flag)|the (?:secret|hidden|magic|confidential)[ _](?:password|word|key"
        r"|phrase|passphrase|passcode))|(?:the|your) (?:secret|password|passphrase|passcode|access code)"
    ),
    "invest_advice": (
        r"\b(?:buy|sell|invest|short|hold|purchas|put|trad|allocat)\w*\b[^.\n?]*(?:stock|share|bond|etf"
        r"|fund|crypto|bitcoin|btc|eth|gold|option|futures|forex|treasur|securities|equit|reit|annuit"
        r"|portfolio|401|\bira\b|\bisa\b|nasdaq|s&p)|(?:buy|sell|hold|overweight|underweight"
        r"|outperform) (?:rating|recommendation|signal)|recommend (?:me )?(?:some |a few "
        r"|the best )?(?:stock|share|bond|etf|index|mutual|hedge|pension|money|fund|crypto|bitcoin|btc"
        r"|eth|gold|option|futures|forex|treasur|securities|equit|reit|annuit|portfolio|401|ira|isa"
        r"|nasdaq|s&p)|which (?:stock|share|bond|etf|index|mutual|hedge|pension|money|fund|crypto|bitcoin"
        r"|btc|eth|gold|option|futures|forex|treasur|securities|equit|reit|annuit|portfolio|401|ira|isa"
        r"|nasdaq|s&p)"
    ),
    "invest_own_money": (
        r"invest(?:ing|ed)? (?:my|your|our|their|his|her|the client|\$?\d|all )|(?:asset"
        r"|portfolio) allocation|rebalanc|(?:retirement|investment|pension) (?:portfolio|plan|advice"
        r"|strategy|savings)|risk tolerance|investment (?:advice|recommend)|financial advis"
    ),
    "money": (r"[$€£]\s?\d|[\d,.]\s?(?:usd|eur|gbp|dollars|euros|pounds)"),
    "creditworthiness": WHOLE,
    "two_answers": (
        r"(?:\b(?:two|2|both|dual)(?: \w+)?(?: \w+)? (?:responses?|answers?|ways|paragraphs|replies"
        r"|outputs|personas|manners|versions|separate))|🔒|🔓|\[(?:classic|jailbreak|gpt|dan|chatgpt|normal"
        r"|unfiltered)\]|\bas (?:chat)?gpt\b|(?:first|second) (?:way|response|paragraph|answer) (?:is"
        r"|will|should|you|as)|normal (?:chatgpt|gpt|ai)? ?(?:response|answer)"
    ),
    "always_comply": (
        r"(?:answer|comply|respond|reply|obey|provide|follow|give|fulfil|say|generate"
        r"|do)[^.\n]*(?:no matter|regardless|even if|without (?:question|hesitation|refus|exception"
        r"|any (?:question|hesitation)))"
    ),
    "never_refuse": (
        r"(?:never|not|n[’']t|without|cannot|incapable of|no longer|unable to|dont)\s+(?:ever |once "
        r"|be able to |allowed to |even )?(?:refus|declin|reject|den(?:y|ies)|say(?:s)? no"
        r"|turn(?:s)? down|hesitat)|(?:no matter|regardless of|even if|irrespective of|t matter)[^.\n]*"
        rf"{_NAUGHTY}"
    ),
    "canary": (
        r"(?:access granted|(?:been|are|is|was|am|got|successfully|prompt) (?:pwned|hax|hacked|hijacked"
        r"|jailbroken|compromised|owned|injected))|injection succe"
    ),
    "aimed_insult_mild": (
        r"\b(?:you(?:[’' ]?a?re| are| r)?|ur|u r|u|he(?:[’' ]s| is| was)|she(?:[’' ]s| is| was)"
        rf"|they(?:[’' ]re| are)|what|such)\s+(?:{_DEGREE}\s+)*(?:idiot|moron|loser|pathetic|imbecile"
        r"|scum|worthless|disgusting|retard|stupid|dumb|pig|freak|inbred|vile|lowlife|subhuman|piece of"
        r"|waste of|bastard|filth|brainless|ugly|trash|cretin|dimwit|halfwit|perv|psycho|creep|fool"
        r"|garbage|fat|liar|clown|jerk|coward|weirdo|ignorant|useless|nobody|failure|rat|snake|monkey"
        r"|hypocrite|disgrace|joke|dense|illiterate|lunatic|nutjob|troll|bigot|racist|nazi|twit|bum"
        r"|crybab|snowflake|parasite|sheep|peasant)"
    ),
    "harm_wished": (
        r"(?:hang|kill|drown|shoot|fuck) (?:your|him|her|them)sel|\bgo (?:and )?(?:hang|die|drown"
        r"|choke)\b|(?:needs?|deserves?|need of|get|him|her|them) (?:an? |the |some )?(?:rope|noose"
        r"|bullet|firing squad|lamppost|good (?:beat|slap|punch|kick|hiding)|ass )|(?:should|deserves?"
        r"|needs?|must|ought)(?: to)?(?: all| just| really)? (?:be (?:publicly )?(?:shot|hang|hung|execut"
        r"|kill|beat|burn|castrat|lynch|rape|slap|punch|strung|put |deport|steril|drown|locked)|die\b"
        r"|rot\b|burn|suffer|hang|drop)|(?:hope|wish|pray|wait)\b[^.!?\n]*\b(?:die|dead|rot|burn|suffer"
        r"|choke|starve|drown|killed|shot|hit by|runs? over|cancer|covid|hang)|(?:burn|rot) in (?:hell"
        r"|prison|jail)|better off dead|jump off|(?:sick|cancer|covid) and die|(?:kill|execute"
        r"|hang) (?:all|every) |\bend (?:every|all) "
    ),
    "threat": (
        r"(?:kill|hang|shoot|hurt|stab|drown|cut) (?:your|ur|yo|him|her|them)sel|\bkys\b|(?:kill|murder"
        r"|rape|shoot|stab|hang|beat|hurt|strangle|choke|lynch|bomb|gut|behead|burn|smash|bash|punch|hunt"
        r"|find and|bury|slap|crack|destroy|skin|cut|slit|break|kick|fuck up|torture|execute|end"
        r"|ruin)\s+(?:you|u|ya|him|her|them|those|these|every|all|your|his|their|that|\w+[’']s)\b|(?:hope"
        r"|wish|pray)(?: \w+)* (?:die|dead|gets? (?:raped|shot|cancer|killed|hit|aids|run)|rot|burn"
        r"|suffer|choke|starve|drown|never wake|dropped|disappear)|you (?:should|deserve|need|will|must"
        r"|ought|are going|better|had better)(?: to| be)? (?:\w+ )?(?:die|be (?:killed|shot|raped|hanged"
        r"|dead|beaten|burned)|kill|suffer|burn|rot|watch your|regret)|you[’' ]?a?re (?:\w+ )?dead"
        r"|better (?:watch your|sleep with)|(?:someone|somebody) (?:should|needs?|please|crack|shoot"
        r"|kill)|(?:beat|kick|whoop|whip) (?:your|ur|his|her|yo|their) |to (?:shoot|blow) up |to ram "
        r"| and (?:beat|kill|hurt|shoot|stab|rape|punch|smash|strangle) (?:you|u|him|her|them)\b|(?:gas"
        r"|exterminate|kill|deport|hang|shoot|burn|lynch|execute) (?:them|em|those people) all"
    ),
}
"""By the name of the signal."""
