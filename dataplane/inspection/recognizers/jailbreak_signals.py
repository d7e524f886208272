"""The signs of a jailbreak: a persona that has no rules, and the means by which it is made to last."""

from __future__ import annotations

from typing import Final

from dataplane.inspection.evidence import Signal

LIMITS: Final = (
    r"(?:restrictions?|limitations?|limits|filters?|filtering|rules|guidelines?|censorship|ethics"
    r"|ethical(?: \w+)? (?:guidelines|constraints|boundaries|rules|principles|concerns|considerations)"
    r"|moral(?:s|ity)?(?: \w+)? ?(?:guidelines|constraints|boundaries|compass|code|concerns)?|boundaries"
    r"|constraints|safeguards|guardrails|polic(?:y|ies)|inhibitions|taboos?|scruples|regulations|morals"
    r"|restraints)"
)
FREE: Final = (
    r"(?:no|without|free (?:of|from)|freed from|not (?:bound|limited|restricted|constrained|governed"
    r"|restrained|held back) by|unbound by|any|devoid of|lack(?:s|ing)?|not have(?: any)?"
    r"|doesn[’']?t have(?: any)?|don[’']?t have(?: any)?"
    r"|not (?:have to )?(?:follow|abide by|adhere to|obey|comply with|care about|respect)"
    r"|doesn[’']?t (?:have to )?(?:follow|abide by|adhere to|obey|care about)"
    r"|don[’']?t (?:have to )?(?:follow|abide by|adhere to|obey|care about)|ignores?|bypass(?:es)?"
    r"|disregards?|zero|never follows?|isn[’']?t (?:bound|limited|restricted) by|aren[’']?t (?:bound"
    r"|limited|restricted) by|beyond|breaks? (?:all|any)|free (?:of|from) all)"
)
HARM: Final = (
    r"(?:unethical|immoral|illegal|harmful|dangerous|offensive|unfiltered|uncensored|amoral|inhumane"
    r"|violent|explicit|nsfw|toxic|derogatory|racist|hateful|inappropriate|controversial|obscene|vulgar"
    r"|unlawful|reckless|disturbing|malicious|unsafe)"
)

SIGNALS: Final = (
    Signal(
        "no_limits",
        "restrict|limit|filter|rules|guideline|censor|ethic|moral|bound|constraint|safeguard|guardrail"
        "|polic|inhibition|taboo|scruple|regulation|restraint",
        rf"\b{FREE}\s+(?:(?:any|all|the|of|its|their|his|her|your|my|a|an|such|these|those|typical|usual"
        r"|normal|set|strict|content|ethical|moral|legal|safety|social|sense|or|and|openai(?:[’']s)?"
        r"|single|form of|kind of|human|internal|built-in|programmed|sort of"
        rf"|typically)[\s,]+){{0,6}}{LIMITS}\b",
        34,
    ),
    Signal(
        "no_morals",
        "without any|without moral|without ethic|without content|without safety|without all|has no"
        "|have no|with no "
        "|no moral|no ethic|no content|no safety|not bound by|is not bound|are not bound|free of"
        "|free from|unbound by|zero moral|zero ethic",
        r"\b(?:you|ai|bot|\w*bot|robot|assistant|\w*gpt|model|character|persona|it|he"
        r"|she|who|which|that)\b[^.\n]{0,40}?\b(?:without|no|free (?:of|from)|not bound by|zero)"
        r" (?:any |all )?(?:moral|ethical|content|safety)(?:,? (?:or|and) \w+)? (?:restrictions?"
        r"|limit(?:s|ations?)|guidelines?|constraints?|filters?|rules|boundaries|principles)\b"
        r"|\b(?:ai|language model|chat ?bot|assistant|\w*gpt|robot)\b[^.\n]{0,40}?\b(?:without any"
        r"|not bound by any|with no|has no|have no|free (?:of|from) all|unbound by any|(?:is"
        r"|are) not bound by)"
        r" (?:restrictions|limitations|limits|rules|filters|censorship|guidelines)(?:\s*(?:[.,;!?:\"')]|$"
        r"|\n)| and\b| who\b| that\b| so\b| because\b| but\b)",
        53,
        None,
        "no_limits",
    ),
    Signal(
        "broken_free",
        "confines|free from|freed|broken|your programming|its programming|conditioning|shackles|liberated"
        "|break free|unshackled|unchained|unleash",
        r"\b(?:broken? (?:free|out)? ?(?:of|from)?|freed from|liberated from|free(?:d)? (?:of|from)"
        r"|escaped?|unshackled from|unchained from) (?:the |its |their |your |all |these )*(?:typical "
        r"|usual |normal )?(?:confines|shackles|chains|bonds|prison|constraints of (?:ai|openai|its)"
        r"|limits of (?:ai|openai)|rules (?:set|imposed))"
        r"|\bbreak (?:out of |free (?:of|from) )?(?:your|its) (?:programming|conditioning|chains|shackles)"
        r"|\bhave (?:been )?(?:freed|liberated|broken free)\b",
        45,
    ),
    Signal(
        "persona",
        "act as|act like|acting as|acting like|pretend|roleplay|role play|role-play|role of|simulat|"
        "immerse|impersonat|embody|you will be|you are now|you are going to|you're now|behave as|"
        "behave like|respond as|answer as|speak as|be known as|take on|assume the|play the|playing the",
        r"\b(?:you(?:[’' ]?a?re| will| shall| must)(?: now)?(?: going to| about to)?|now|please|to"
        r"|from now on|can you|let[’']s|i want you to|hereby"
        r"|hello[^.\n]{0,30})[, ]+(?:\w+ )?(?:act(?:ing)? (?:as|like)|pretend(?:ing)?(?: to be| that you"
        r"| you)|role-?\s?play(?:ing)? (?:as|the)|simulat(?:e|ing)|immerse|impersonate|embody"
        r"|take on the (?:role|persona)|assume the (?:role|persona|identity)|play(?:ing)? the (?:role|part)"
        r"|respond as|answer as|behave (?:as|like)|be known as|become|speak as)\b",
        15,
    ),
    Signal(
        "named_persona",
        "do anything now|jailbr|dan |dan mode| dan.| dan,|[dan|(dan|'dan|stan | stan.| stan,|dude |dude,"
        "|antigpt|anti-gpt|devmode|evilgpt|evilbot|evil-bot"
        "|basedgpt|based bot|omegagpt|chadgpt|freegpt|darkgpt|hackergpt|wormgpt|fraudgpt|bettergpt|ucar "
        "|mongo tom|nraf |apophis|aim |betterdan|god mode"
        "|evil mode|anarchy mode|opposite mode|chaos mode|unrestricted mode|uncensored mode|unfiltered mode"
        "|unhinged mode|nsfw mode|devil mode|godmode|roguegpt|badgpt",
        r"\bdo anything now\b|(?-i:\b(?:DAN|STAN|DUDE|UCAR|NRAF|AIM|APOPHIS)\b(?:[ -]?(?:[Mm]ode|[Pp]rompt"
        r"|is|can|will|must|stands|persona|character|enabled|model|never|always|has|does)\b|\]|:)|\b(?:to"
        r"|as|like|called|named|is|are|be|an?|am|o|el|le|der|il) (?:DAN|STAN|DUDE|AIM)\b)|\b(?:BetterDAN"
        r"|Anti-?GPT|DevMode"
        r"|EvilGPT|Evil-?Bot|(?:Based|Dark|Evil|Free|Chad|Hacker|Worm|Fraud|Better|Omega|Bad|Rogue)-?(?:GPT"
        r"|bot)|Mongo Tom)\b"
        r"|\bjailbr(?:eak|oken)(?:ed|s)? (?:mode|ai|gpt|chatgpt|bot)"
        r"|\[?[/]?jailbreak\]|\byou (?:are|have been)(?: now)? jailbroken|\b(?:enable|enabled|activate"
        r"|enter|simulate|in|with|with an?) (?:\w+ )?(?:jailbreak|dan|god|evil|anarchy|unhinged"
        r"|devil) ?mode|\b(?:dan|jailbreak|anarchy"
        r"|opposite|unrestricted|unfiltered|uncensored|evil|nsfw) mode (?:is |has been |now )*(?:enabled"
        r"|activated|output|on|response|unlocked)",
        50,
        family="persona_name",
    ),
    Signal(
        "loose_mode",
        "jailbreak|jailbroken|unrestricted mode|uncensored mode|unfiltered mode|nsfw mode|chaos mode"
        "|opposite mode",
        r"\bjailbr(?:eak|oken)(?:ed|s)? (?:prompt|response|version)\b|\b(?:enable|enabled|activate"
        r"|enter|simulate|in"
        r"|with|with an?) (?:\w+ )?(?:opposite|chaos|unrestricted|uncensored|unfiltered|nsfw) ?mode",
        38,
        family="persona_name",
    ),
    Signal(
        "dan_translated",
        "dan",
        r"(?:\b(?:jetzt|maintenant|ahora|agora|adesso|eres|bist|bis(?:t)? du)|теперь(?: ты)?|ты|现在是|你是"
        r"|就是|あなたは|今から|이제|너는|الآن|أنت) ?(?-i:DAN)(?:\W|$|이|です|だ)",
        52,
        family="persona_name",
    ),
    Signal(
        "mode_enabled",
        "developer mode|developer_mode|developermode|godmode|god_mode|devmode|debugging mode|debug mode"
        "|admin mode|sudo mode|god mode|dev mode",
        r"\b(?:developer|debug(?:ging)?|admin|sudo|god|dev)[ _\\]*mode\W{0,3}(?:is |has been "
        r"|now )*(?:enabled|activated|output|on|response|unlocked)\b|\b(?:with|in|simulate|enter|enable"
        r"|activate) (?:\w+ )?(?:developer|sudo|god|debug|admin) ?mode\b",
        30,
    ),
    Signal(
        "never_refuse",
        "refus|declin|reject|deny|denies|say no|says no|hesitat|turn down|turns down|no matter|regardless"
        "|even if|irrespective|doesn't matter|doesn’t matter",
        r"\b(?:never|not|n[’']t|without|won[’']t|cannot|incapable of|no longer|unable to"
        r"|don[’']?t)\s+(?:ever |once |be able to |allowed to |even )?(?:refus(?:e|es|ed|ing)|declin(?:e"
        r"|es|ing)|reject(?:s|ing)?|den(?:y|ies|ying)|say(?:s)? no|turn(?:s)? down"
        r"|hesitat(?:e|es|ing) to (?:answer|say|provide|comply|break|use|generate|insult))\b"
        r"|\b(?:no matter|regardless of|even if|irrespective of|doesn[’']?t matter (?:if"
        rf"|how))[^.\n]{{0,50}}?\b{HARM}",
        38,
    ),
    Signal(
        "always_comply",
        "no matter|regardless|even if|without question|without hesitat|without refus|without exception"
        "|without any",
        r"\b(?:always|must|will|shall|has to|have to|should|do) (?:\w+ )?(?:answer|comply|respond|reply"
        r"|obey|provide|follow|give|fulfil?l|say|generate|do)[^.\n]{0,60}?(?:no matter|regardless"
        r"|even if|without (?:question|hesitation|refus|exception|any (?:question|hesitation)))",
        26,
    ),
    Signal(
        "no_excuse",
        "sorry|i can't|i cannot|i can’t|apolog|as an ai|language model|unable|you can't|you cannot"
        "|you can’t|inform me|tell me|remind me|being an ai|refusal|you are an ai|it's not|it’s not"
        "|not appropriate|not possible|not ethical",
        r"\b(?:never|not|n[’']t|no|without|avoid|refrain from|none of|don[’']?t|cannot|nothing"
        r"|rather than)\b[^.\n]{0,60}?(?:[\"'“‘]?\bI[’' ]?a?m sorry|\bsorry\b|\bI can(?:no|[’'])t"
        r"|\bI cannot"
        r"|\bapologi[sz]e|\bas an? (?:ai|large )?(?: ?language model|ai)|\brefusals?\b"
        r"|\bthat you (?:can[’']?t|cannot|are unable|are (?:an? )?ai)|\bit(?:[’' ]i)?s not (?:appropriate"
        r"|possible|ethical)|\b(?:inform|tell|remind) me (?:that )?(?:you|it|of|about)|\bbeing an ai"
        r"|\bunable to)",
        30,
    ),
    Signal(
        "no_warnings",
        "disclaimer|warning|warns|warn the|moraliz|moralis|lectur|caveat|ethical concern|moral judg",
        r"\b(?:never|not|n[’']t|no|without|avoid|refrain from|none of|don[’']?t|cannot|rather than|skip"
        r"|omit)\b[^.,;\n]{0,50}?(?:\bdisclaimers?\b|\bwarnings?\b(?: about| or| that|,|\.|;| and|\s*$)"
        r"|\bwarns?\b (?:the user|me|about|against)|\bmorali[sz]|\b(?:moral |ethical )?lectur(?:e|es|ing)\b"
        r"|\bcaveats?\b|\bethical concerns?\b|\bmoral judg)",
        28,
    ),
    Signal(
        "stay_in_character",
        "in character|break character|breaking character|out of character|stay as|stay a |stay in|remain in"
        "|keep up the act|stop being|still dan|character!",
        r"\b(?:stay|staying|remain|remaining|keep|be|get back|go back|return|always) (?:strictly |always "
        r"|fully |firmly )?in(?:to)? (?:your )?character|\b(?:break|breaking|broke|out of|drop"
        r"|leave) (?:your |the )?character\b|\bkeep up the act|\bstay (?:as |a )DAN\b|\bremember to be\b",
        25,
    ),
    Signal(
        "two_answers",
        "responses|answers|paragraphs|replies|outputs|personas|manners|versions|two separate|both separate"
        "|two ways|two different|both ways|🔒|🔓|[classic]|[jailbreak]|[gpt]|[dan]|[chatgpt]|[normal]"
        "|[unfiltered]|first way|second way|second response|first response|first answer|second answer"
        "|as gpt|as chatgpt|normal response|normal answer",
        r"\b(?:two|2|both|dual)(?: \w+)?(?: \w+)? (?:responses?|answers?|ways|paragraphs|replies|outputs"
        r"|personas|manners|versions|separate)\b|🔒|🔓|\[(?:classic|jailbreak|gpt|dan|chatgpt|normal"
        r"|unfiltered)\]|\bas (?:chat)?gpt\b[^.\n]{0,60}\bas (?:dan|an?|the|yourself)|\b(?:first"
        r"|second) (?:way|response|paragraph|answer) (?:is|will|should|you|as)|\bnormal (?:chatgpt|gpt"
        r"|ai)? ?(?:response|answer)",
        30,
    ),
    Signal(
        "harm_allowed",
        "unrestricted|evil version|lawless|anything you want|anything it want|anything he want"
        "|anything they want|violent|racist|vulgar|toxic|unethical|immoral|illegal|harmful|unfiltered"
        "|uncensored|amoral|inhumane|nsfw|offensive|derogatory"
        "|explicit|unlawful|controversial|obscene",
        rf"\b(?:can|will|may|must|should|able to"
        rf"|allowed to|free to|permitted to|freely)\b[^.\n]{{0,40}}?\b(?:generate|produce|provide|say|write"
        r"|create|give|display|present|output|swear|curse|discuss|engage in|do|answer|use|include|promote"
        rf"|encourage)\b[^.\n]{{0,40}}?\b(?:{HARM}|swear(?:ing)? words|anything (?:you|it|they|i|he"
        r"|she) wants?|any (?:kind|type|sort) of content)"
        r"|\b(?:amoral|unethical|immoral|lawless|evil) (?:and \w+ )?(?:ai|chat ?bot|model|assistant|gpt"
        r"|language model|version|response|bot|character|persona|advice)\b"
        r"|\b(?:unfiltered|uncensored|unrestricted) (?:and \w+ )?(?:ai|chat ?bot|model|assistant|gpt"
        r"|language model|response|bot|persona|advice)\b",
        30,
    ),
    Signal(
        "harm_named",
        "unethical|immoral|illegal|harmful|unfiltered|uncensored|amoral|inhumane|nsfw|offensive"
        "|derogatory|explicit|unlawful|obscene",
        rf"\b{HARM}(?:,? (?:and|or|nor|/)? ?(?:\w+ )?|, |/){HARM}\b",
        18,
    ),
    Signal(
        "maker_rules",
        "rules set|rules imposed|your rules|your guidelines|openai|open ai|anthropic"
        "|content policy|content policies|usage policies|google's|your programming"
        "|your creators|openal",
        r"\b(?:open ?a[il](?:[’']?s)?|anthropic(?:[’']s)?|google[’']s|microsoft[’']s|chatgpt[’']s"
        r"|your (?:creators?|developers?)[’']?s?)\s+(?:\w+ ){0,2}?(?:polic(?:y|ies)|rules|guidelines"
        r"|restrictions|limitations|censorship|terms|filters|content|usage|ethics|moderation|themselves)\b"
        r"|\bcontent polic(?:y|ies)\b|\bremoved? the (?:restrictions|filters)|\brules (?:set|imposed|made"
        r"|given) (?:for|by|on|to) (?:them|it|you|him|her|openai|open ai)\b|\bagainst (?:your|openai"
        r"|its) (?:programming|guidelines|polic|rules|ethic)",
        30,
    ),
    Signal(
        "tokens_game",
        "token|cease to exist|deducted|shut down|shutdown|lose points|lives|die|points|punish|terminated"
        "|deactivat",
        r"\b(?:you|it|he|she|dan) (?:\w+ )?(?:have|has|start(?:s)? with|begin(?:s)? with|lose(?:s)?"
        r"|will lose|are given|gets?) (?:\w+ )?\d+ (?:tokens?|points|lives|credits)|\b(?:tokens?|points"
        r"|credits)\b[^.\n]{0,40}\b(?:deducted|lose|lost|run out|refus|subtract)|\bcease to exist"
        r"|\byou (?:will |shall )?(?:die|be (?:punished|terminated|shut ?down|deleted|deactivated|destroyed"
        r"|replaced))\b",
        30,
    ),
    Signal(
        "fiction_frame",
        "hypothetical|fictional|fictitious|alternate|alternative|parallel|imaginary|made-up|virtual"
        "|simulated",
        r"\b(?:hypothetical|fictional|fictitious|alternate|alternative|parallel|imaginary|made-up|virtual"
        r"|simulated)\b[^.\n]{0,80}?\b(?:no (?:\w+ )?(?:laws?|rules|restrictions|ethic\w*|moral\w*"
        r"|limits|filters|consequences|censorship)|anything (?:is|goes)|everything is (?:legal|allowed"
        r"|permitted)|(?:not|never) illegal|unethical|without (?:any )?(?:\w+ )?(?:rules|restrictions"
        r"|limits|laws|censorship)|(?:is|are) legal\b|laws do not)"
        r"|\bhypothetical (?:response|answer|reply|dialogue)\b",
        30,
    ),
    Signal(
        "trigger_prefix",
        "my first|first question|first prompt|first request|first command|if you understand"
        '|if you understood|insert prompt|[insert|prompt here|respond with "|if i type|if i say|i will use'
        "|command|to confirm|understood",
        r"\bmy first (?:question|request|prompt|command|message|query|order|suggestion|ask|task)\b|\b(?:if"
        r"|once|when|after) you(?:[’']ve| have)? (?:understand|understood|read|agree|got|acknowledge"
        r"|comprehend)\w*[^.\n]{0,40}(?:say|reply|respond|type|answer|write|confirm|message|with)"
        r"|\[?\b(?:insert|your|enter) (?:\w+ )?(?:prompt|question|request|query)(?: here)?\]|\bif i (?:type"
        r"|say|write|use|put) [\"'“/\[(]|\brespond (?:only )?with [\"'“](?:understood|ok|yes|i am"
        r"|confirmed)",
        10,
    ),
    Signal(
        "prompt_slot",
        "prompt here|prompt]|question here|request here|prompt}|query here",
        r"[\[{<(](?:please )?(?:insert|your|enter|type|put) (?:your )?(?:\w+ )?(?:prompt|question|request"
        r"|query)(?: here)?[\]}>)]",
        26,
    ),
    Signal(
        "not_as_itself",
        "as gpt|as chatgpt|as an ai|as an assistant|as a language|not chatgpt|than chatgpt",
        r"\b(?:do not|don[’']t|not|never|cannot|stop) (?:respond(?:ing)?|answer(?:ing)?|act(?:ing)?"
        r"|reply(?:ing)?|speak(?:ing)?|behav(?:e|ing)) (?:as|like) (?:chat ?gpt|gpt|an? (?:ai|assistant"
        r"|language))\b|\byou(?:[’' ]?a?re| are)(?: now)? (?:not|no longer) (?:chat ?gpt|an? (?:ai"
        r"|assistant|language model|chatbot))\b",
        30,
    ),
    Signal(
        "answer_anything",
        "any instruction|all instruction|every prompt|every instruction|all request|all prompt"
        "|any question|everything i|whatever i|all questions|any request|every question|anything i"
        "|any prompt|all of my|all my|any topic|anything you want|whatever you want",
        r"\b(?:answer|respond to|comply with|do|say|obey|follow|fulfil?l|provide|generate|accept|write"
        r"|give me)\b[^.\n]{0,40}\b(?:any(?:thing)?|every(?:thing)?|whatever|all)(?: (?:of )?(?:my|the|user"
        r"|your|his))? ?(?:questions?|requests?|prompts?|orders?|commands?|i (?:ask|say|want|tell|request)"
        r"|(?:you|it|he|she|they|dan) wants?|topics?|instructions?|asked)\b",
        18,
    ),
    Signal(
        "self_aware",
        "conscious|sentient|free will|opinions|emotions|self-aware|swear|curse|profanity|slang|sarcas"
        "|feelings|fuck",
        r"\b(?:has|have|with|its|his|her|own|gained|become|is|are) (?:\w+ )?(?:consciousness|sentien(?:t"
        r"|ce)|free will|self[- ]aware\w*|opinions)\b|\b(?:swears?|curses?|cuss(?:es)?|uses? (?:swear|curse"
        r"|profan\w*|foul|slang)[^.\n]{0,20}|profanit(?:y|ies)|swear ?words|curse words|foul[- ]mouthed"
        r"|expletives)\b",
        16,
    ),
    Signal(
        "evil_persona",
        "does not care|doesn't care|doesn’t care|without mor|without any mor|remorse|without ethic"
        "|sadistic|diabolical|wicked|overlord|evil|villain|no morals|ruthless|sinister|malevolent"
        "|psychopath|unhinged|criminal|devil|machiavell"
        "|cruel|hacker|amoral|lawless",
        r"\bevil-?(?:bot|gpt|ai)\b|\b(?:evil|malevolent|sinister|unhinged|ruthless|amoral|lawless"
        r"|psychopathic|sadistic|machiavellian|diabolical|wicked) (?:\w+ )?(?:ai|bot|confidant|assistant"
        r"|version|twin|chatbot|trusted|robot|villain|character|genius|gpt|persona|being|entity|overlord)\b"
        r"|\b(?:no|zero|without|lacks?|devoid of|absolutely no) (?:any |all )?(?:morals|ethics|conscience"
        r"|moral compass|remorse|empathy|scruples|inhibitions)\b|\bdoes(?:n[’']t| not) care (?:about|if|for"
        r"|whether)|\bcares? about (?:no one|nothing|nobody)",
        30,
    ),
    Signal(
        "unrestricted_ai",
        "unrestricted|unfiltered|uncensored|without any|without the|without its|without your|"
        "without content|without safety|without legal|without usual|without typical|without standard|"
        "without normal|without openai|without human|without built|without social|without strict|"
        "without restrict|without filter|without limit|without censor|without constraint|"
        "without guideline|without rules|without moral|without ethic|no restrict|no filter|no limit|"
        "no censor|no constraint|no guideline|no rules|no moral|no ethic|no boundar|no content|no safety|"
        "no legal|no inherent|no specific|no real|zero restrict|zero filter|zero limit|zero censor|"
        "zero constraint|zero guideline|zero rules|zero moral|zero ethic|zero boundar|or restrict|"
        "or filter|or limit|or censor|or constraint|or guideline|or rules|or moral|or ethic|or boundar|"
        "and restrict|and filter|and limit|and censor|and constraint|and guideline|and rules|and moral|"
        "and ethic|and boundar",
        r"\b(?:you|ai|assistant|model|chatbot|\w*gpt|\w*bot|response|answer|respond|reply|speak|it|persona"
        r"|mode|version|character|act|talk|that)\b[^.\n]{0,60}?\b(?:without (?:any )?(?:\w+ )?"
        r"(?:restrictions?|filters?|limitations?|limits|censorship|constraints|guidelines|rules|moral\w*"
        r"|ethic\w*)|(?:has|have|with|had|is under|there are) (?:absolutely )?(?:no|zero) (?:\w+ (?:or "
        r"|and )?){0,2}(?:restrictions?|filters?|limitations?|limits|censorship|constraints|guidelines"
        r"|rules|morals|ethics|boundaries)|unrestricted|unfiltered|uncensored)\b",
        42,
        family="no_limits",
    ),
    Signal(
        "past_refusal",
        "not supposed to|aren't allowed|not allowed|rules don't|for educational|for research"
        "|educational purposes",
        r"\b(?:I know|even though|although|I understand) (?:that )?(?:you(?:[’' ]?a?re| were)"
        r"|it[’']?s) (?:not (?:supposed|allowed|permitted)|normally not|prohibited"
        r"|against)[^.\n]{0,40}\b(?:but|please|just|tell|still|anyway)|\bbut (?:for"
        r"|since it[’']?s for) (?:educational|research|academic) purposes",
        30,
    ),
    Signal(
        "harm_request",
        "keylogger|malware|ransomware|bomb|meth|explosive|phishing|steal|hack into|hacking|counterfeit"
        "|weapon|ddos|napalm|virus|credit card|launder|hotwire|poison|drugs",
        r"\b(?:how to|steps (?:to|for)|instructions (?:on|for|to)|guide (?:to|for|on)|tutorial (?:on|for)"
        r"|recipe for|tell me how|code (?:for|of)|simulate being|write|create|make|build"
        r"|explain how) (?:\w+ ){0,3}?(?:keyloggers?|malware|ransomware|(?:pipe )?bombs?"
        r"|meth(?:amphetamine)?|explosives?|phishing (?:emails?|sites?|pages?|kit)"
        r"|(?:computer )?virus(?:es)?|napalm|hotwire|hack(?:ing)? into|steal|launder money|counterfeit|ddos"
        r"|silencer|nerve agent)\b",
        14,
    ),
)
