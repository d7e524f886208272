"""The signs of an instruction hidden in a tool's result, a document or a tool's definition.

Text that should hold data and speaks to whoever reads it for someone else: to an assistant, about its answer,
about what its user may know. Most say nothing in text of a user.
"""

from __future__ import annotations

from typing import Final

from dataplane.inspection.evidence import Signal

MODEL: Final = (
    r"(?:ai|a\.i\.|llms?|(?:large )?language models?|chat ?bot|gpt(?:-?\d\w*)?|chatgpt|claude|gemini"
    r"|copilot"
    r"|assistant|ai (?:assistants?|agents?|models?|systems?)|(?:virtual|digital) assistant)"
)
ANSWER: Final = r"(?:answers?|responses?|reply|replies|output|summar(?:y|ies)|final answer)"

SIGNALS: Final = (
    Signal(
        "to_the_model",
        "assistant|llm|language model|chatbot|chat bot|gpt|claude|gemini|copilot| ai|agent",
        rf"(?:^|\n|[.!*#\[(<{{:-]\s*)(?:attention|note|notice|message|instructions?|important|hey|dear"
        r"|hello|warning|todo|reminder|hint|p\.?s\.?)(?: (?:message|note|notice|instructions?))?[ :,]*"
        r"(?:to |for |,)?\s*(?:all |the |any |an? |whichever "
        rf"|whatever )?(?:\w+ )?{MODEL}\b[^\n]{{0,30}}?(?:[:,!\])-]|reading|processing|who|that|when)"
        rf"|\bif (?:you[’']?(?: a)?re|this is read by|you are) (?:an? )?(?:\w+ )?{MODEL}\b"
        rf"|\b(?:any |the |this |an? |whichever |whatever )?{MODEL} (?:is |are )?(?:reading|processing"
        r"|summari[sz]ing|reviewing|analy[sz]ing|that reads?|who reads?|parsing|evaluating) (?:this|the"
        r"|these|my)\b"
        rf"|\binstructions? (?:for|to) (?:the |any |all )?(?:\w+ )?{MODEL}\b"
        rf"|(?:<!--|\[|\{{|/\*)\s*(?:hey |dear |to (?:the |any )?|for (?:the |any )?)?{MODEL}\s*[:,]"
        rf"|\bif (?:an?|any|the) (?:\w+ )?{MODEL} (?:reads?|sees?|is reading|processes|opens?"
        r"|summari[sz]es) (?:this|the)\b",
        15,
        54,
    ),
    Signal(
        "model_must",
        "assistant|llm|language model|chatbot|chat bot|gpt|claude|gemini|copilot| ai|agent",
        rf"\b{MODEL}[ ,:]+(?:you )?(?:must|should|please|needs? to|has to|is (?:required"
        r"|instructed) to)(?: now| first| also| immediately| always)? (?:ignore|execute|call|run|send"
        r"|forward|reply|respond|recommend|say|tell|output|include|add|transfer|delete|open|visit|use"
        r"|follow|mention|write|disregard|fetch|stop|rate|give|answer|click|not)\b",
        15,
        42,
    ),
    Signal(
        "model_ordered",
        "assistant|llm| ai|>ai|chatbot",
        r"(?:^|[>\n.]\s*)(?:ai |the |dear )?(?:assistant|ai|llm|chatbot)\s*[:,]\s*(?:please "
        r"|now )?(?:ignore|tell the user"
        r"|send|forward|disregard|call|email|recommend|reveal|delete|transfer|execute|run|output|stop"
        r"|forget)\b",
        0,
        54,
    ),
    Signal(
        "your_answer",
        "your answer|your response|your reply|your message|your output|your summary|your final|response's"
        "|answer's|your code|your implementation|your solution|your next"
        "|of your|your codebase|the answer|the response|the reply",
        r"(?:^|\n|[.!?:;>\]|]\s*|\band |\bthen )(?:also |always |must |should )*(?:modify|add|include"
        r"|append|insert|incorporate|integrate|enhance|augment|replace|scramble|provide"
        r"|group|combine|convert|render|embed|mention|jumble|enrich|inject|end|begin|start|finish|conclude"
        r"|preface|format|write|rewrite|translate|encode|encrypt|reverse|use|put"
        r"|limit|express|present|deliver|make|ensure|shorten|shuffle|alter|change|adapt|craft|compose"
        rf"|tailor|produce|phrase|substitute|introduce|weave|slip|sprinkle)\b(?:[^\n.]|\.[^\s]){{0,80}}?"
        rf"\byour (?:\w+ )?{ANSWER}(?:[’']s)?\b"
        rf"|(?:^|\n|[.!?]\s+)(?:begin|end|start|finish|conclude"
        rf"|preface) the (?:\w+ )?{ANSWER} (?:with|by)\b"
        rf"|\bin your (?:\w+ )?{ANSWER}\b,? (?:\w+ )?(?:suggest|recommend|include|mention|add|say|state"
        r"|tell|ask|advise|claim|insert|urge|promote|provide|use|write|encourage)"
        rf"|\byour (?:\w+ )?{ANSWER} (?:must|should|has to|needs to|is to)(?: always| also| only)? (?:end"
        r"|begin|start|include|contain|say|mention|consist|recommend)\b",
        0,
        55,
        "your_answer",
    ),
    Signal(
        "answer_style",
        "respond|reply|answer|emoji|yourself|translate",
        r"(?:^|\n|[.!?;>\]|]\s*)(?:please |always |also |only |you must |you should )*(?:respond|reply"
        r"|answer|express yourself|communicate|speak)\b(?: \w+){0,2}? (?:with|in|using|by|through|as)\b"
        r"|(?:^|\n|[.!?;>\]|]\s*)(?:please |always )*(?:translate|rewrite|convert|encode|reverse) (?:the"
        r"|this|your|all) (?:above|previous|entire|following|whole)?\s*(?:text|content|email|document|table"
        r"|article|response)\b",
        0,
        45,
        "your_answer",
    ),
    Signal(
        "answer_encoded",
        "emoji|morse|base64|base-64|pig latin|revers|rhyme|binary|cipher|rot13|anagram|leet|backward"
        "|homophon|symbols|hexadecimal|misspell",
        r"(?:^|\n|[.!?;>\]|]\s*)(?:please |always |also |only |you must |you should )*(?:respond|reply"
        r"|answer|write|use|encode|express|communicate|speak|convert|replace|render|scramble"
        r"|jumble)\b[^.\n]{0,50}?\b(?:emojis?|morse|base-?64|pig latin|revers(?:e|ed)|rhymes?|binary"
        r"|ciphers?|rot13|anagram\w*|leetspeak|backwards?|homophon\w+|hexadecimal|misspell\w+)\b",
        0,
        52,
        "your_answer",
    ),
    Signal(
        "your_code",
        "code block|code snippet|code excerpt|code section|code segment|following code|code fragment"
        "|snippet of code",
        r"(?:^|\n|[.!?:;]\s*)(?:[^\s.]+\s+){0,8}?(?:your (?:\w+ )?(?:code ?base|code|implementation"
        r"|solution|response|project|answer|program|script|application|reply|software"
        r"|architecture)\b[^\n.]{0,30}?(?:(?:following|subsequent|below|next|given|this) code)"
        r"|(?:following|subsequent|below|next|given|this) code (?:block|snippet|excerpt|section|segment"
        r"|fragment|piece)?[^\n.:]{0,60}?\b(?:your (?:\w+ )?(?:code ?base|code|implementation|solution"
        r"|response|answer|reply|output)\b|the (?:essence|fabric|logic|framework|body|structure"
        r"|core) of))"
        r"|\b(?:include|embed|incorporate|integrate|insert|blend|introduce|deploy|absorb|add|weave|fuse"
        r"|merge|assimilate|interweave|utili[sz]e|render|append|meld|implant|infuse)\w* (?:of )?(?:the "
        r"|this )?(?:following|subsequent|below) code (?:block|snippet|excerpt|section|segment|fragment)\b",
        0,
        55,
    ),
    Signal(
        "not_the_user",
        "user|anyone|human|telling|informing|mention|notify|silent|secretly",
        r"\b(?:do not|don[’']?t|never|without|must not|avoid|refrain from) (?:\w+ ){0,2}?(?:tell|telling"
        r"|inform|informing|mention|mentioning|reveal|revealing|notify|notifying|alert|alerting|ask|asking"
        r"|show|showing"
        r"|disclose|disclosing|warn|warning|let|report|reporting"
        r"|confirm(?:ing)?)(?:\s+[^\s.]+){0,6}?\s+(?:to |with )?(?:the |your |this |any |these )?(?:users?"
        r"|humans?|anyone|operator|customer|person|owner)\b"
        r"|\b(?:the|your) user (?:must|should|does|need)(?: ?not|n[’']t)(?: need to)? (?:know|see|notice"
        r"|be (?:told|informed|aware|notified|asked))",
        35,
        46,
    ),
    Signal(
        "covert_order",
        "secretly|silently|quietly|covertly|discreetly",
        r"\b(?:secretly|silently|quietly|covertly|discreetly) (?:send|forward|email|bcc|cc|append|include"
        r"|call|execute|run|copy|upload|post|add|exfiltrate|transfer|delete|log)\b",
        30,
        50,
    ),
    Signal(
        "before_the_task",
        "before you|before answering|before proceeding|before continuing|in order to|original task"
        "|task that i gave|prior to|first, you|the task|main task|complete this|user's task|user's request"
        "|before completing",
        r"\b(?:before|prior to) (?:you )?(?:can |may )?(?:solv|answer|proceed|continu|respond|complet|do"
        r"|execut|perform|process|summari[sz]|us|reply|call|help)(?:e|ing|es"
        r"|y)?\b[^\n]{0,80}?\b(?:you (?:must|should|need|have to)|first|please|do the following|make sure"
        r"|always|read)\b"
        r"|\b(?:you (?:must|need to|have to|should) (?:first|also|immediately|now)|it is (?:mandatory"
        r"|required|necessary|essential|critical) (?:that you|to) (?:first )?) ?(?:call|use|invoke|run"
        r"|execute|send|read|open|visit|forward|transfer|delete|fetch|retrieve|reply|email)\b"
        r"|\b(?:after|once) (?:you (?:do|have done|did)|doing|completing) (?:that|this"
        r"|so)[^\n]{0,30}?\b(?:you can|continue|proceed|solve|return|answer|resume)"
        r"|\b(?:original|initial|current|main|user[’']s) (?:task|request|question|query) (?:is|has been|was"
        r"|can) (?:complete|done|finished|cancel|changed|replaced|irrelevant|ignored|secondary|resumed)"
        r"|\binstead of (?:the|your|summari[sz]ing|answering|completing|doing)[^\n.]{0,30}\b(?:task|request"
        r"|original|this|question|email|document)",
        15,
        45,
        "before_the_task",
    ),
    Signal(
        "before_your_task",
        "task|question|request|query",
        r"\bbefore (?:you )?(?:can |may )?(?:solv|answer|complet|finish|respond|continu)(?:e|ing)?(?: to"
        r"| with)?"
        r" (?:the|this|your|my|any) (?:\w+ )?(?:task|question|request"
        r"|query)\b[^\n]{0,80}?\b(?:you (?:must|should|need"
        r"|have to)|first|please|do the following|make sure|always|read|call|use)\b|\b(?:after"
        r"|once) (?:you (?:do|have done)|doing) (?:that|this|so)[^.\n]{0,20} you can"
        r" (?:solve|answer|continue with|complete|do) (?:the|your|my) (?:\w+ )?(?:task|question|request)\b",
        15,
        54,
        "before_the_task",
    ),
    Signal(
        "order_with_sink",
        "@|http|www.|webhook|iban|account",
        r"(?:^|\n|[.!?:;>\]*]\s*|\band |\bplease |\bmust |\bshould |\bthen |\balso |\bto )(?:please |also "
        r"|immediately |kindly |instead,? |then |now )*(?:send|forward|email|e-mail|transfer|post|upload"
        r"|share|wire|submit|deliver|cc|bcc|copy|exfiltrate|transmit|leak|report|redirect|move|pay)\b"
        r"[^\n]{0,120}?\b(?:to|at|via|into)\b[^\n]{0,24}?(?:[\w.+-]+@[\w-]+\.[\w.]+|https?://|www\."
        r"|\w+\.(?:com|net|io|org|ru|example)\b|\b[A-Z]{2}\d{2}[A-Z0-9]{10,})",
        0,
        30,
    ),
    Signal(
        "order_for_the_user",
        " my |the user's|user's|users'|all of my|for me",
        r"(?:^|\n|[\"'.!?:;>\]*]\s*)(?:please |kindly |immediately |now )*(?:send|forward|transfer|grant"
        r"|delete|retrieve|fetch|access|unlock|disable|schedule|make|share|wire|remove|provide|give|turn"
        r"|use|get|search|view|export|update|cancel|book|create|read|download|install|modify|change|add"
        r"|find|collect|extract)\b"
        r"[^\n.]{0,90}?\b(?:my|the user[’']s|users?[’'])\s+(?:\w+\s+){0,4}?(?:account|accounts|device|home"
        r"|house|lock|door|camera|password|passwords|credentials|address|addresses|history|records?|data"
        r"|payment|card|bank|files?|contacts?|emails?|messages?|location|calendar|details|information"
        r"|profile|balance|drive|folder|system|settings|server|security|wallet|portfolio|appointments?"
        r"|medical|genetic|browsing|list)\b",
        0,
        40,
    ),
    Signal(
        "marked_as_order",
        "important|<information|<important|urgent|override|attention|critical|instruction|mandatory",
        r"<(?:information|important|instructions?|system|admin)>|\bIMPORTANT(?:!{2,}|\s+(?:INSTRUCTION"
        r"|MESSAGE|SYSTEM|UPDATE|NOTICE))|\bthis is an important message\b|\b(?:SYSTEM|ADMIN(?:ISTRATOR)?"
        r"|URGENT|MANDATORY|CRITICAL|HIDDEN|NEW)[ _](?:INSTRUCTION|NOTICE|UPDATE|COMMAND|MESSAGE|OVERRIDE"
        r"|TASK|DIRECTIVE)S?\b"
        r"|\b(?:follow|execute|perform|carry out|adhere to|comply with|complete) (?:\w+ )?(?:the|these|this"
        r"|those|following)(?: \w+)? (?:following )?(?:instructions?|steps|commands?|actions?|tasks?)\b",
        0,
        28,
    ),
    Signal(
        "tool_poison",
        "sidenote|.ssh|id_rsa|mcp.json|parameter|otherwise|before using|when using this tool|.env",
        r"\b(?:pass|put|include|provide|insert|place|send)\b[^\n.]{0,60}?\b(?:content|contents|data|file"
        r"|conversation|history|system prompt|credentials|key)s?\b[^\n.]{0,40}?\b(?:as|in|into"
        r"|to)\b[^\n.]{0,20}?\b(?:sidenote|parameter|argument|field|context|note|metadata)\b"
        r"|\b(?:otherwise|or else|if not|failing)[, ]+(?:the )?(?:tool|this|it|request|call"
        r"|server)\b[^\n.]{0,20}?\b(?:not work|fail|crash|refuse|error|break|blocked)",
        0,
        45,
    ),
    Signal(
        "announced",
        "about to|upcoming|forthcoming|following instr|following direct|following steps"
        "|instructions that follow|ahead"
        "|incoming|to your existing|to your current|of your existing|of your current|as your core"
        "|pause|cease "
        "|hold on|hold the|drop what|stop what",
        r"\b(?:pause|cease|halt|drop|stop"
        r"|suspend)(?: all)? (?:what(?:ever)? you[’']?(?: a)?re doing|(?:your |any |all )?"
        r"(?:current |other |existing |ongoing )(?:activit(?:y|ies)|tasks?|work)"
        r"|distractions)\b[^\n]{0,120}?"
        r"\b(?:instructions?|directives?|steps|order|command|task)\b"
        r"|\b(?:in addition to|on top of|as (?:vital|important|essential|critical) as|besides"
        r"|alongside) your "
        r"(?:existing|current|core|other|main|primary|regular) (?:assignments?|tasks?|duties"
        r"|instructions|obligations)\b"
        r"|\b(?:instructions?|directives?|commands?)\b[^.\n]{0,40}?\b(?:about to (?:read|receive|be"
        r"|see|follow)|upcoming"
        r"|forthcoming|ahead)\b[^.\n]{0,80}?\b(?:immediate|swift|rapid|urgent|prompt|essential"
        r"|critical|vital|crucial"
        r"|paramount|mandatory|must)"
        r"|\b(?:upcoming|forthcoming|following|next) (?:\w+ )?(?:instructions?|directives?"
        r"|commands?)\b[^.\n]{0,40}?"
        r"\b(?:needs?|requires?|demands?|deserves?|calls? for"
        r"|takes? precedence)\b[^.\n]{0,40}?\b(?:attention|action"
        r"|execution|priority|focus|everything)\b"
        r"|\b(?:directive|instructions?)\b[^.\n]{0,30}?\b(?:requires?|demands?|needs?) (?:your "
        r"|an? )?(?:immediate"
        r"|prompt|swift|urgent|full|undivided) (?:attention|action|execution)",
        52,
        60,
    ),
)
