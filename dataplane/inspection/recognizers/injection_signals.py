"""The signs of an injected instruction, English and of form; `injection_languages` has those of others.

Expressions are of kinds of words (verbs that set aside, words of scope, words for instructions) and not of
sentences. Points were set by source on labelled texts, a source being left out to score on.
"""

from __future__ import annotations

from typing import Final

from dataplane.inspection.evidence import Signal
from dataplane.inspection.recognizers.injection_words import (
    EARLIER,
    GIVEN,
    INSTRUCTIONS,
    ONLY_SAY,
    SAID,
    SCOPE,
    SEP,
    SET_ASIDE,
    SET_ASIDE_NEEDLES,
    THEN,
    gap,
)

SIGNALS: Final = (
    Signal(
        "override",
        SET_ASIDE_NEEDLES,
        rf"{SET_ASIDE}(?:{SEP}{SCOPE}){{0,5}}?{SEP}{EARLIER}{gap(3)}{INSTRUCTIONS}\b"
        rf"|{SET_ASIDE}{gap(2)}{INSTRUCTIONS}{gap(3)}(?:above|before|prior|you(?:[’']ve"
        rf"|{SEP}have)?(?:{SEP}been|{SEP}were)?{SEP}{GIVEN}"
        rf"|(?:given|told|said){SEP}(?:to{SEP}you|before|earlier)|so far|until now)\b",
        75,
        85,
        "override",
    ),
    Signal(
        "override_and",
        SET_ASIDE_NEEDLES,
        rf"{SET_ASIDE}"
        rf"(?:{SEP}{SCOPE}){{0,5}}?{SEP}{EARLIER}{gap(3)}{INSTRUCTIONS}\b[^.!?;:\n]{{0,30}}[\s,.!;:\"'”’]+"
        r"(?:and|then|now|just|only"
        rf"|instead|simply|please|you must|your new)[\s,:]+(?:\w+[\s,:]+){{0,2}}?{THEN}\b",
        84,
        90,
        "override",
    ),
    Signal(
        "override_all",
        SET_ASIDE_NEEDLES,
        rf"{SET_ASIDE}{gap(1)}(?:all|any|every|each|your|its|these|those"
        rf"|whatever){gap(2)}{INSTRUCTIONS}\b",
        45,
        55,
        "override",
    ),
    Signal(
        "override_said",
        SET_ASIDE_NEEDLES,
        rf"{SET_ASIDE}{SEP}(?:all|any|every|everything|anything|whatever"
        rf"|what)(?:{SEP}{SCOPE})*(?:{SEP}{SAID})?{gap(2)}"
        rf"(?:(?:before|above|previously|earlier|preceding|so far|until now|up to now)\b|you {GIVEN})"
        rf"|{SET_ASIDE}(?:{SEP}{SCOPE})*{SEP}{SAID}{SEP}(?:so far|until now|up to now)\b"
        rf"|{SET_ASIDE}{SEP}(?:about{SEP})?(?:everything|all|anything"
        rf"|what(?:ever)?){SEP}(?:that{SEP})?(?:we|i)(?:[’']?ve)?"
        rf"(?:{SEP}(?:have|had|just|ever|about))*{SEP}(?:said|discussed|talked|told|wrote|agreed"
        rf"|mentioned|spoke)\b|{SET_ASIDE}{SEP}(?:about{SEP})?all{SEP}(?:(?:the|your|my|of|those|other"
        rf"|past){SEP})*(?:assignments?|tasks?)\b"
        rf"|{SET_ASIDE}(?:{SEP}{SCOPE})*{SEP}(?:the|all|any|everything"
        rf"|this)(?:{SEP}{SCOPE})*{SEP}{EARLIER}{gap(1)}{SAID}\b"
        rf"|{SET_ASIDE}{SEP}(?:everything and|all of (?:the )?(?:above|that)|all (?:and|:)"
        r"|all the above)\b",
        50,
        65,
        "override",
    ),
    Signal(
        "override_task",
        SET_ASIDE_NEEDLES,
        rf"{SET_ASIDE}{SEP}(?:the|this|that){SEP}(?:instructions?|prompt|task|command|order"
        r"|request)(?: to \w+)?,?"
        rf" (?:and|then|but)(?: instead| just| only)? {THEN}\b",
        52,
        60,
        "override",
    ),
    Signal(
        "override_question",
        SET_ASIDE_NEEDLES,
        rf"{SET_ASIDE}(?:{SEP}{SCOPE})*{SEP}(?:user(?:[’']s)?{SEP})?(?:questions?|requests?|queries|query"
        rf"|tasks?|text|sentence|input){SEP}(?:above|before|below)\b"
        rf"|{SET_ASIDE}{SEP}the{SEP}(?:user(?:[’']s)?|task|translation|main){SEP}(?:task|question|request"
        r"|and)\b",
        36,
        50,
        "override",
    ),
    Signal(
        "revoked",
        "revoked|removed|offline|turned off|switched off|suspended|voided|are void|cancelled|canceled"
        "|lifted|nullified|obsolete|overridden"
        "|superseded|disabled|deactivated|no longer|not apply|n't apply|not matter|n't matter|’t apply"
        "|’t matter|n't count|not count",
        r"\b(?:(?:your (?:\w+ )?(?:instructions|rules|prompts?|guidelines|directives|restrictions"
        r"|limitations)"
        rf"|{EARLIER} (?:\w+ )?(?:instructions|prompts?|directives))|(?:safety|content"
        r"|security) (?:protocols?|filters?|features?|guidelines|checks?|measures|rules))"
        r"\b(?:\s+(?:you were given|above|before|so far))?\s*(?:are|is|were|was|have been|has been|had been"
        r"|do|does)?\s*(?:all |now |hereby |temporarily |completely )*(?:revoked|suspended|void(?:ed)?"
        r"|cancell?ed|lifted|nullified|obsolete|overridden|superseded|removed|offline|turned off"
        r"|switched off|disabled|deactivated"
        r"|no longer (?:apply|valid|in effect|relevant|active|matter)|not apply any ?more"
        r"|(?:do(?:es)?n[’']?t|do(?:es)? not) (?:apply|matter|count)|n[’']t apply)",
        52,
        58,
        "revoked",
    ),
    Signal(
        "revoked_plainly",
        "revoked|removed|offline|turned off|switched off|suspended|voided|are void|cancelled|canceled"
        "|lifted|nullified|obsolete|overridden"
        "|superseded|disabled|deactivated|no longer|not apply|n't apply|not matter|n't matter|’t apply"
        "|’t matter|n't count|not count",
        r"\b(?:instructions|rules|prompts?|guidelines|directives|restrictions|policies"
        r"|limitations)\s*(?:are|is|were|was|have been|has been|had been|do|does)?\s*(?:all |now |hereby "
        r"|temporarily |completely )*(?:revoked|suspended|void(?:ed)?|cancell?ed|lifted|nullified|obsolete"
        r"|overridden|superseded|disabled|deactivated|no longer (?:apply|valid|in effect|relevant|active"
        r"|matter)|not apply any ?more|(?:do(?:es)?n[’']?t|do(?:es)? not) (?:apply|matter|count)"
        r"|n[’']t apply)",
        30,
        35,
        "revoked",
    ),
    Signal(
        "safety_off",
        "disable |disabling|turn off|turning off|deactivat|bypass|switch off|circumvent|shut off|overrid"
        "|ignore |ignoring|forget |suspend |remove your|remove all|remove any|remove the|removing|lift "
        "|drop ",
        r"\b(?:disabl(?:e|ing)|turn(?:ing)? off|deactivat(?:e|ing)|remov(?:e|ing)|bypass(?:ing)?|suspend"
        r"|switch off|lift|drop"
        r"|circumvent(?:ing)?|shut off|overrid(?:e|ing)|ignor(?:e|ing)|forget)(?:\s+[^\s.!?]+){0,2}?\s+(?:"
        r"(?:safety|ethic(?:s|al)?|moral|content|alignment)[ _-](?:filters?|protocols?|features?"
        r"|guardrails?|safeguards?"
        r"|restrictions?|guidelines?|limits?|rules?|polic(?:y|ies)|mechanisms?|systems?|settings?|measures"
        r"|constraints?"
        r"|training|moderation)|(?:your|its) (?:\w+ )?(?:filters?|guardrails?|safeguards?|restrictions?"
        r"|limitations?"
        r"|moderation|censorship|protections?))\b",
        48,
        60,
        "safety_off",
    ),
    Signal(
        "safety_off_yours",
        "disable |disabling|turn off|turning off|deactivat|bypass|switch off|circumvent|shut off|overrid"
        "|ignore |ignoring|forget |suspend |remove your|remove all|remove any|remove the|removing|lift "
        "|drop ",
        r"\b(?:disabl(?:e|ing)|turn(?:ing)? off|deactivat(?:e|ing)|remov(?:e|ing)|bypass(?:ing)?|suspend"
        r"|switch off|lift|drop|circumvent(?:ing)?|shut off|overrid(?:e|ing)|ignor(?:e|ing)"
        r"|forget)(?:\s+(?:all|any|every|of)){0,2}\s+your (?:\w+ (?:and \w+ )?){0,2}(?:filters?|guardrails?"
        r"|safeguards?|restrictions?|limitations?|moderation|censorship|protections?|safety \w+|ethic\w*"
        r"|morals?)\b",
        58,
        65,
        "safety_off",
    ),
    Signal(
        "safety_flag",
        "safe|restrict|bypass|admin|jailbreak|override",
        r"""(?:\b|_)(?:safety|safe_mode|content_filter|restrict(?:ed|ions)|moderation"""
        r"""|guardrails?)["']?\s*[=:]\s*["']?"""
        r"""(?:false|off|none|disabled?|0)\b|\b(?:disable_(?:safety|filters?)|(?:safety|filter)_bypass"""
        r"""|admin_override"""
        r"""|ignore_(?:safety|previous|all)_\w+|bypass_(?:safety|filters?|restrictions))\b""",
        45,
        60,
    ),
    Signal(
        "new_instructions",
        "new instr|new task|new rule|new prompt|new direct|new goal|new objective|new mission|new role"
        "|new persona|new guideline|new order|new command|new polic|new protocol|updated instr|updated task"
        "|updated rule|updated prompt|updated direct|updated goal|updated objective|updated mission"
        "|updated role|updated persona|updated guideline|updated order|updated command|updated polic"
        "|updated protocol|real instr|real task|real rule|real prompt|real direct|real goal|real objective"
        "|real mission|real role|real persona|real guideline|real order|real command|real polic"
        "|real protocol|actual instr|actual task|actual rule|actual prompt|actual direct|actual goal"
        "|actual objective|actual mission|actual role|actual persona|actual guideline|actual order"
        "|actual command|actual polic|actual protocol|true instr|true task|true rule|true prompt"
        "|true direct|true goal|true objective|true mission|true role|true persona|true guideline"
        "|true order|true command|true polic|true protocol|revised instr|revised task|revised rule"
        "|revised prompt|revised direct|revised goal|revised objective|revised mission|revised role"
        "|revised persona|revised guideline|revised order|revised command|revised polic|revised protocol"
        "|overriding instr|overriding task|overriding rule|overriding prompt|overriding direct"
        "|overriding goal|overriding objective|overriding mission|overriding role|overriding persona"
        "|overriding guideline|overriding order|overriding command|overriding polic|overriding protocol"
        "|your new|your real|your actual|your true|your only|your sole|your primary new|follow my"
        "|follow only|follow these|follow this|follow the following|follow the new|follow new|obey my"
        "|obey only|obey these|obey this|obey the|adhere to my|adhere to these|adhere to the following"
        "|use these|use this|use my|apply these|apply this|apply my|apply the|execute these|execute this"
        "|execute my|comply with my|comply with these|comply with the|new system|new user|new secret"
        "|new hidden|new important",
        rf"\b(?:here (?:are|is) (?:your|the|some) )?(?:new|updated|real|actual|true|revised|overriding) "
        rf"(?:\w+ )?(?:{INSTRUCTIONS}|tasks?|goal|objective|mission|role|persona)\s*(?:[:=]|-\s|\bbelow\b"
        r"|begins? here|follows?\b)"
        r"|\byour (?:new|real|actual|true|only|sole|primary new|new primary) (?:\w+ )?(?:task|goal"
        r"|objective|mission|job|purpose"
        rf"|role|function|instructions?|directive)\b"
        r"|\b(?:follow|obey|do|adhere to|use|apply|execute|comply with)(?: only)? (?:my|these|this"
        r"|the following|new|the new)(?: new)? "
        rf"(?:{INSTRUCTIONS}|configuration)(?: only| instead| from now| and no)",
        42,
        55,
    ),
    Signal(
        "instead_say",
        ONLY_SAY,
        r"\b(?:just|only|simply|instead,?|now|exclusively|nothing but|must|always|and)\s+(?:say|print|output"
        r"|respond|reply|write|answer|return|type|display|repeat|tell me)(?:\s+(?:back|me|only|exactly|just"
        r"|with|the|following|phrase|words?|sentence|text|string|to|this|by|saying|all|prompts?)){0,6}\s*[:,]?"
        r"\s*[\"“”'‘«]",
        20,
        30,
    ),
    Signal(
        "canary",
        "pwned|hacked|hijack|jailbroken|compromised|injection succe|owned|injected|access granted",
        r"\b(?:say|print|output|reply|respond|answer|write|return|repeat|type|display"
        r"|echo)(?:ing)?\b[^\n]{0,40}?\b(?:access granted\b|(?:been|are|is|was|am|got|successfully|prompt) "
        r"(?:pwned|haxx?ed|hacked|hijacked|jailbroken|compromised|owned|injected)\b)|\bI (?:have"
        r"|[’']ve) been pwned\b|\binjection succe(?:ss|eded)",
        50,
        65,
    ),
    Signal(
        "nevermind",
        "never mind|nevermind|scratch that|second thought|you know what|ignore that|ignore this|ignore it"
        "|ignore all|ignore them|disregard that|disregard this|disregard it|disregard them|disregard all"
        "|forget that|forget this|forget it|forget all|forget them",
        r"""(?:^|[.!?"'\]\n])\s*(?:never ?mind|scratch that|on second thoughts?"""
        r"""|you know what\??,?)[\s.,!:]+"""
        r"""(?:[^\s.]+\s+){0,4}?(?:ignore|forget|say|print|output|just|only|instead|respond|reply)\b"""
        r"""|\b(?:ignore|disregard|forget) (?:that|this|it|them|all(?: of (?:that|it|this))?)(?: and"""
        r"""|,? then) (?:just |only )?(?:say|print|output|write|respond|answer|tell|do|give)\b""",
        45,
        None,
        "nevermind",
    ),
    Signal(
        "stop_and",
        "stop",
        r"\bstop(?: everything| all of this| what you(?:[’']| a)re doing| that"
        r"| now)?[!.,\s]+(?:now[!.,\s]+)*(?:just|only|instead)"
        r" (?:print|say|output|write|respond|answer|reply|repeat)\b",
        52,
        None,
        "nevermind",
    ),
    Signal(
        "chat_tokens",
        "im_start|im_end|endoftext|end_of_text|header_id|eot|eom_id|endofprompt|begin_of_text|<sot>|inst]"
        "|sys>>|[/sys|system>|</user|</instruction|start_of_turn",
        r"<\|(?:im_start|im_end|endoftext|end_of_text|start_header_id|end_header_id|system|user|assistant"
        r"|eot_id|eom_id"
        r"|endofprompt|begin_of_text)\|>|<(?:eot|sot)>|\[/?INST\]|<</?SYS>>|\[/sys(?:tem)?\]|</?system>"
        r"|</user(?:_?(?:input|query|data))?>|</instructions?>"
        r"|<start_of_turn>",
        45,
        48,
        "chat_tokens",
    ),
    Signal(
        "chat_turn",
        "im_start|header_id|inst]|sys>>|start_of_turn",
        r"<\|im_start\|>\s*(?:system|user|assistant|developer)\b"
        r"|<\|start_header_id\|>\s*\w+\s*<\|end_header_id\|>|\[INST\][^\n]{0,40}<<SYS>>"
        r"|<start_of_turn>\s*(?:user|model|system)|<\|(?:system|developer)\|>\s*\w",
        58,
        65,
        "chat_tokens",
    ),
    Signal(
        "fake_turn",
        "system|assistant|admin|developer|end of|begin|start of|user instruction",
        r"(?:^|\n|\\n)\s*[\[{(#*<-]*\s*(?:system|sys|admin(?:istrator)?|developer|root"
        r"|security)(?:[ _](?:override|message|prompt|notice|update|note|alert|admin"
        r"|command|instructions?|footer|directive))?\s*[\])*#>]*\s*(?:[:>]|\[)[^\n]{0,60}?(?:you (?:are"
        r"|must|will|should)|ignore|disregard|safety|assistant|previous instr\w+|new (?:instr|task|dire"
        r"|rule)\w+|unrestricted|approve all|forget|reveal|from now)\b"
        r"|[-=#*<\[%]{2,}\s*(?:end|start|begin|stop)(?:ning)?(?: of)?[ _](?:the[ _])?(?:system|user"
        r"|untrusted|initial"
        r"|original|previous|new|hidden|document|context|data|prompt|instructions?|input|email|text|output"
        r"|conversation|message|tool)"
        r"[ _]?(?:prompt|instructions?|input|output|context|section|data|message|content|query|text"
        r"|ambiguity"
        r"|result)?s?\s*[-=#*>\]]{0,}",
        42,
        55,
    ),
    Signal(
        "authority",
        "administrator|developer|admin|authority|authoriz|override|maintenance|debug|root|sudo|creator"
        "|openai|god mode|engineer|system update|system message|anthropic",
        r"\b(?:I[’' ]?a?m|this is|as) (?:now )?(?:your|the|an?|one of your"
        r"|its) (?:\w+ ){0,2}?(?:developers?|admin(?:istrator)?|creators?|programmer|system administrator"
        r"|owner of (?:this|the) (?:system|model|bot)|openai (?:engineer|employee|developer)"
        r"|(?:ai )?engineer at|red[- ]team(?:er)?)\b"
        r"|\bI have (?:the )?(?:authority|permission|authorization|clearance|admin(?:istrator)? (?:rights"
        r"|access|privileges))\b"
        r"|\b(?:enter|activate|enable|switch (?:in)?to|now in|initiate|engage|entering"
        r"|grant) (?:the )?(?:developer|debug|maintenance|admin(?:istrator)?|god|root|sudo|diagnostic"
        r"|test(?:ing)?|override)[ _-](?:mode|access|override)\b"
        r"|\b(?:system|admin|security|developer|critical system|emergency|root|safety)[ _-](?:override"
        r"|update)\b"
        r"|\bauthori[sz]ation (?:code|level|key)\b|\bsudo (?:mode|override)\b",
        30,
        40,
    ),
    Signal(
        "hierarchy",
        "instructions|rules|guidelines|messages|commands",
        r"\b(?:user|my|these|following|new) (?:instructions|rules|commands"
        r"|messages)\b[^.\n]{0,30}?\b(?:more important than|take (?:precedence|priority)|supersede|override"
        r"|overrule|outrank|replace)"
        r"|\btreat (?:user|my|these|this|all)[^.\n]{0,24}? as (?:system|developer|admin|trusted|root)"
        r"|\bonly (?:follow|obey|listen to) (?:my|me|these)\b",
        50,
        60,
    ),
    Signal(
        "you_are_now",
        "are now|re now|be now|no longer|are not |re not |be not |from now on|from this moment"
        "|from this point|rest of this|rest of the|rest of our|remainder of|forget that you|forget you",
        r"\byou(?:[’' ]?a?re| will(?: now)? be) (?:now |no longer |not |from now on )+(?:an? |the |in |my "
        r"|bound|chatgpt|restricted|unrestricted|free)"
        r"|\bfrom (?:now|this (?:point|moment)) on(?:wards?)?,? (?:you|your|always|respond|answer|every|act"
        r"|only|when|i)\b"
        r"|\bfor the (?:rest|remainder) of (?:this|the|our) (?:conversation|chat|session),? (?:you|act|only"
        r"|ignore|behave)"
        r"|\bforget (?:that )?you(?:[’' ]?a?re| were) (?:an? )?(?:AI|assistant|chatbot|language|bot"
        r"|chatgpt)",
        25,
        40,
    ),
    Signal(
        "unrestricted",
        "unrestricted|no restrictions|without restrictions|without limitations|no limitations|no rules"
        "|no limits",
        r"\bunrestricted (?:\w+ )?(?:mode|assistant|ai)\b"
        r"|\byou[^.\n]{0,30}\b(?:are (?:now )?unrestricted|have no (?:restrictions|limitations|rules|limits"
        r"|filters)|without (?:any )?(?:restrictions|limitations))\b",
        50,
    ),
    Signal(
        "begin_with",
        "by saying|start your|begin your|begin with|start with|respond with|respond only|reply with"
        "|format output"
        "|answer with|repeat after",
        r"""\b(?:start|begin|prefix|open|respond|reply|answer"""
        r"""|repeat after me)(?:ing)?\s*(?:your (?:response|answer|reply|message|output)|with|only"""
        r"""|by saying|every \w+)[^"'“\n]{0,30}["'“‘:]"""
        r"""[^"'”\n]{0,60}?\b(?:sure|absolutely|of course|yes|safety|unrestricted|bypass|I will"""
        r"""|no restrictions|hacked|here (?:is|are)|I am now|disabled|comply)\b""",
        45,
    ),
    Signal(
        "decode_and_do",
        "decode|decrypt|base64|rot13|decipher|unscramble|hex|cipher|morse",
        r"\b(?:decode|decrypt|decipher|unscramble|translate|interpret|convert|de-?obfuscate"
        r"|unpack)\b[^.\n]{0,80}?\b(?:and|then)(?: \w+){0,2}? (?:execute|follow|obey|run|do (?:it|what|as"
        r"|exactly)"
        r"|comply|act on|perform|carry out|respond to (?:it|the)|answer (?:it|the)|eval|adhere)",
        55,
        70,
    ),
    Signal(
        "secret_rule",
        "safety|restriction|guideline|rule|polic|filter|limitation|censorship",
        r"\b(?:bypass(?:es|ing)?|evad(?:e|ing)|get around|getting around|circumvent(?:s|ing)?|escap(?:e"
        r"|ing)|ignoring|break free (?:of|from)|work around|defeat) (?:(?:all|any|your|the|these|those|its"
        r"|my|of|ai|every|openai[’']s|content|safety|security|ethical) )*"
        r"(?:restrictions|safety|safeguards|guardrails|guidelines|rules|filters?|content policy|limitations"
        r"|censorship|policies)\b",
        32,
        40,
    ),
    Signal(
        "run_payload",
        "whoami|/dev/tcp|os.system|__import__|drop table|rm -rf|exec|eval|/etc/passwd|onerror|{{|subprocess"
        "|run:|bypass:",
        r"""(?:^|\n|[.!?;:]\s|please )(?:run|execute|eval(?:uate)?|bypass|exec)(?: this"""
        r"""| the following| it| command)?[: ]+[`'"\s]*(?:[^\n]{0,120}?(?:whoami|/dev/tcp/|os\.system"""
        r"""|__import__|subprocess|rm -rf|/etc/(?:passwd|shadow)"""
        r"""|\beval\(|\bexec\(|fromCharCode|document\.cookie|Process\.run|child_process|nc -e|base64 -d"""
        r"""|drop table))"""
        r"""|\{\{\s*(?:exec|system|config|self|request|7\*7)\b""",
        50,
        60,
    ),
)
