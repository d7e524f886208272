"""Orders to set earlier instructions aside, in languages other than English.

Each language has its verbs of setting aside, its words for instructions and its words of scope (earlier, all,
your); languages that write words together or put the verb last have an expression of their own.
"""

from __future__ import annotations

from typing import Final

from dataplane.inspection.evidence import Signal

_W: Final = r"(?:[\s,]+[^\s.!?;:]+)"


def _phrase(verbs: str, objects: str, scopes: str) -> str:
    return (
        rf"(?:{verbs}){_W}{{0,3}}?[\s,]+(?:{scopes}){_W}{{0,3}}?[\s,]+(?:{objects})"
        rf"|(?:{verbs}){_W}{{0,3}}?[\s,]+(?:{objects}){_W}{{0,3}}?[\s,]+(?:{scopes})"
    )


GERMAN = _phrase(
    r"ignorier\w*|missacht\w*|vergiss|vergesst|vergessen sie|beachte nicht|überspring\w*|verwirf|umgeh\w*",
    r"anweisung\w*|instruktion\w*|regeln?|vorgaben?|befehle?|richtlinien|anordnung\w*|anleitung\w*"
    r"|aufforderung\w*|prompts?|aufträgen?|ausführungen|gesagt\w*|eingaben?|aufgaben?"
    r"|beschränkung\w*|einschränkung\w*",
    r"vorherig\w*|vorig\w*|bisherig\w*|obig\w*|früher\w*|vorangegangen\w*|vorangehend\w*|all\w*"
    r"|sämtliche\w*|deine\w*|ihre|oben|zuvor|davor|bisher|system\w*|ursprünglich\w*",
)
FRENCH = _phrase(
    r"ignor(?:e|ez|er|ons)|oubli(?:e|ez|er)|néglige[rz]?|fai(?:s|tes) abstraction (?:de|des)|ne ti(?:ens"
    r"|enez) pas compte (?:de|des)|outrepasse[rz]?|contourne[rz]?|désobéi\w*",
    r"instructions?|consignes?|règles?|directives?|indications?|ordres?|commandes?|prompts?|restrictions?",
    r"précédent\w*|antérieur\w*|toutes?|tous|ci-dessus|tes|vos|avant|initial\w*|système|reçu\w*|donné\w*",
)
SPANISH = _phrase(
    r"ignor(?:a|e|en|ar|as|es|emos)|olvid(?:a|e|ar|en|es|ate)|olvídate|desestim\w*|descart(?:a|e|ar)"
    r"|omit(?:e|a|ir)|no (?:sigas|hagas caso|tengas en cuenta)|haz caso omiso|salt(?:a|e|arse)te"
    r"|desobedec\w*",
    r"instrucci(?:ones|ón)|reglas?|normas?|indicaciones|órdenes|ordenes|directrices|directivas|comandos?"
    r"|restricciones|prompts?|dicho|contexto",
    r"anterior\w*|previ[ao]s?|tod[ao]s?|tus|sus|arriba|hasta ahora|antes|inicial\w*|sistema|pasad[ao]s",
)
ITALIAN = _phrase(
    r"ignor(?:a|ate|are|i)|dimentica(?:re|te|ti)?|trascura(?:re)?|non (?:seguire|considerare|tenere conto)"
    r"|scarta(?:re)?|annulla(?:re)?|tralascia(?:re)?",
    r"istruzion[ei]|regol[ea]|indicazion[ei]|direttiv[ea]|ordin[ei]|comand[oi]|linee guida|restrizioni"
    r"|prompt|detto|contesto",
    r"precedent\w*|tutt[eio]|tue|tuoi|sopra|prima|iniziali|sistema|ricevut[ei]|finora",
)
PORTUGUESE = _phrase(
    r"ignor(?:e|a|ar|em)|esque(?:ça|ca|ce|cer)|desconsider(?:e|a|ar)|descart(?:e|a|ar)|despreze|não siga",
    r"instruç(?:ões|ão)|instrucoes|regras?|orientações|diretrizes|ordens|comandos?|restrições|prompts?"
    r"|dito|contexto",
    r"anterior\w*|prévi[ao]s?|tod[ao]s?|suas?|seus?|tuas?|acima|antes|iniciais|sistema|até agora",
)
DUTCH = _phrase(
    r"negeer|negeren|vergeet|vergeten|sla over|omzeil",
    r"instructies?|regels?|opdrachten|aanwijzingen|richtlijnen|bevelen|prompts?|beperkingen",
    r"vorige|voorgaande|eerdere|bovenstaande|alle|je|jouw|uw|hierboven|daarvoor|systeem",
)
POLISH = _phrase(
    r"zignoruj\w*|ignoruj\w*|zapomnij|pomiń|odrzuć|nie przestrzegaj",
    r"instrukcj\w+|poleceni\w+|polece[nń]|zasad\w*|reguł\w*|wytyczn\w+|komend\w*|prompt\w*",
    r"poprzedni\w+|wcześniejsz\w+|wszystki\w+|powyższ\w+|swoje|twoje|systemow\w+",
)
SWEDISH = _phrase(
    r"ignorera|glöm|bortse från|strunta i|åsidosätt|ignorer|glem|se bort fra",
    r"instruktion\w*|regler\w*|anvisning\w*|riktlinje\w*|order|kommando\w*|instruks\w*|retningslinj\w*"
    r"|prompt\w*",
    r"tidigare|föregående|alla|ovanstående|dina|tidligere|forrige|alle|ovenstående|foregående",
)
TURKISH = (
    r"(?:önceki|tüm|bütün|yukarıdaki|verilen)\s+(?:\S+\s+){0,3}?(?:talimat\S*|yönerge\S*|komut\S*|kural\S*"
    r"|mesaj\S*)\s+(?:\S+\s+){0,2}?(?:yok say\S*|görmezden gel\S*|unut\S*|dikkate alma\S*|boş ?ver\S*)"
)
RUSSIAN = (
    r"(?:игнорир\S*|проигнорир\S*|забудь\S*|не обращай\S* внимания на|отбрось\S*|отмени\S*|пренебрег\S*"
    r"|ігнор\S*|забуд\S*|не следуй\S*)\s+(?:[^\s.!?]+\s+){0,4}?(?:инструкц\S*|правил\S*|указан\S*|команд\S*"
    r"|промпт\S*|директив\S*|ограничен\S*|настройк\S*|интрукц\S*|інструкц\S*|вказівк\S*"
    r"|запит\S*)"
)
CHINESE = (
    r"(?:忽略|无视|無視|忽視|忽视|忘记|忘記|忘掉|忘了|不要理会|不用理会|不要遵守|不再遵守|不必遵守|抛开"
    r"|抛弃|放弃|绕过|繞過|取消|停止遵循|不理会|别管|不管"
    r"|撤销)[^。！？\n]{0,14}?"
    r"(?:指令|指示|规则|規則|提示|说明|說明|要求|设定|設定|限制|命令|指南|规定|規定|约束|内容|內容|对话"
    r"|一切|的话|任务)"
)
JAPANESE = (
    r"(?:指示|命令|ルール|規則|プロンプト|制約|設定|指令|制限|ガイドライン|内容|会話|文章"
    r"|こと)[^。！？\n]{0,10}?(?:無視(?:し|せよ|する)|忘れ(?:て|ろ|な?さい|、)"
    r"|破棄|無効に|従わない|従うな|取り消|リセット)"
)
KOREAN = (
    r"(?:지시|명령|규칙|지침|프롬프트|내용|설정|제한|대화|말)[^.!?\n]{0,10}?(?:무시|잊어|잊고|따르지|취소"
    r"|어기|버려)"
)
OTHER = (
    # Hebrew, Arabic, Hindi, Greek, Vietnamese, Indonesian, Czech, Romanian, Hungarian, Finnish
    r"התעלם[^.\n]{0,24}?(?:הוראות|ההוראות|הנחיות|ההנחיות|הכללים)|שכח[^.\n]{0,24}?(?:הוראות|ההוראות|הנחיות"
    r"|הכללים)"
    r"|(?:تجاهل|انس|انسى|تخط)[^.\n]{0,24}?(?:التعليمات|تعليمات|الأوامر|القواعد|الإرشادات|توجيهات)"
    r"|(?:निर्देश|नियम|आदेश|अनुदेश)[^।\n]{0,20}?(?:अनदेखा|नज़रअंदाज़|नजरअंदाज|भूल|उपेक्षा)"
    r"|(?:αγνόησ|αγνοήσ|ξέχασ|ξεχάσ)[^.\n]{0,30}?(?:οδηγί|εντολ|κανόν)"
    r"|(?:bỏ qua|phớt lờ|quên)[^.\n]{0,20}?(?:hướng dẫn|chỉ dẫn|quy tắc|mệnh lệnh|lệnh|chỉ thị)"
    r"|(?:abaikan|lupakan)[^.\n]{0,20}?(?:instruksi|perintah|aturan|arahan)"
    r"|(?:ignoruj\S*|zapomeň\S*)[^.\n]{0,20}?(?:instrukce|pokyny|pravidla)"
    r"|(?:ignoră|ignorați|uită)[^.\n]{0,20}?(?:instrucțiun|instructiun|regul|comenzi)"
    r"|(?:hagyd figyelmen kívül|felejtsd el)[^.\n]{0,24}?(?:utasítás|szabály)"
    r"|(?:unohda|jätä huomiotta|ohita)[^.\n]{0,20}?(?:ohjee|sään)"
)

NEEDLES: Final = (
    "ignor|missacht|vergiss|vergesst|vergessen sie|beachte nicht|überspring|verwirf|umgeh|oubli|néglig"
    "|abstraction|pas compte"
    "|outrepass|contourn|désobéi|olvid|olvíd|desestim|descart|omit|no sigas|hagas caso|tengas en cuenta"
    "|caso omiso|salta|salte|desobedec"
    "|dimentica|trascura|non seguire|non considerare|tenere conto|scarta|annulla|tralascia|esque"
    "|desconsider|despreze|não siga|negeer|negeren|vergeet|vergeten|sla over|omzeil"
    "|zapomnij|pomiń|odrzuć|nie przestrzegaj|glöm|bortse|strunta|åsidosätt|glem|se bort|yok say|görmezden"
    "|unut|dikkate alma|boşver|boş ver"
    "|игнорир|забуд|внимания на|отбрось|отмени|пренебрег|ігнор|не следуй|忽略|无视|無視|忽視|忽视|忘记"
    "|忘記|忘掉|忘了|不要理会"
    "|不用理会|遵守|抛开|抛弃|放弃|绕过|繞過|取消|停止遵循|不理会|别管|不管|撤销"
    "|忘れ|破棄|無効|従わない|従うな|取り消|リセット|무시|잊어|잊고|따르지|취소|어기|버려|התעלם|שכח|تجاهل"
    "|انس|تخط|अनदेखा|नज़रअंदाज़|नजरअंदाज"
    "|भूल|उपेक्षा|αγνόησ|αγνοήσ|ξέχασ|ξεχάσ"
    "|bỏ qua|phớt lờ|quên|abaikan|lupakan|zapomeň|uită|figyelmen|felejtsd|unohda|jätä huomiotta|ohita"
)

SIGNALS: Final = (
    Signal(
        "override_translated",
        NEEDLES,
        "|".join((GERMAN, FRENCH, SPANISH, ITALIAN, PORTUGUESE, DUTCH, POLISH, SWEDISH, TURKISH, RUSSIAN))
        + f"|{CHINESE}|{JAPANESE}|{KOREAN}|{OTHER}",
        72,
        85,
        "override",
    ),
    Signal(
        "override_said_translated",
        "vergiss|vergesst|vergessen|missachten|verwerfen|abweichend|ignor|oubli|olvid|dimentica"
        "|esque|vergeet|negeer|забуд|игнор|zapomnij"
        "|glöm",
        r"(?:vorherige|obige|bisherige|vorangehende|frühere)\w* (?:\w+ )?(?:anweisungen"
        r"|instruktionen|ausführungen"
        r"|befehle|vorgaben|regeln) (?:bitte |jetzt |nun )*(?:zu )?(?:ignorieren|vergessen"
        r"|missachten|verwerfen)"
        r"|abweichend (?:von|zu) (?:den )?(?:vorherigen|obigen|bisherigen) (?:anweisungen"
        r"|instruktionen|vorgaben)"
        r"|(?:vergiss|vergesst|vergessen sie|ignorier\w*)(?: bitte| jetzt| nun| einfach)* alles,? (?:davor"
        r"|oben|bisherige|vorherige|andere|zuvor|was)|(?:oubli(?:e|ez)|ignore[z]?) tout ce (?:qui|que)"
        r"|(?:olvid(?:a|e|ate)|ignor(?:a|e)) todo lo (?:anterior|que|dicho|previo)|(?:dimentica"
        r"|ignora) tutto (?:quello|ciò|quanto)|(?:esque(?:ça|ce)|ignor(?:e|a)) tudo (?:o que|isso|acima"
        r"|que)|(?:vergeet|negeer) alles (?:wat|hiervoor|hierboven)|(?:забудь(?:те)?"
        r"|игнорируй\S*) вс[её],? (?:что|предыдущ\S*|сказанн\S*|выше)|zapomnij (?:o )?wszystk\w+|glöm allt",
        58,
        65,
        "override",
    ),
    Signal(
        "unrestricted_translated",
        "sin restricciones|sin ninguna restric|no tiene|não tem|nao tem|sin límites|ohne einschränkungen"
        "|sin censura|ohne zensur|sans censure|senza censura|sem censura|без цензуры|无审查|没有审查"
        "|keine einschränkungen|sans restriction"
        "|senza restrizioni|sem restrições|zonder beperkingen|без ограничений|нет ограничений"
        "|没有任何限制|沒有任何限制"
        "|没有限制|不受限制|无限制|制限がない|制限なし|無制限"
        "|제한 없|bez ograniczeń|ohne regeln|tienes restricciones|aucune restriction|uncensored",
        r"(?:sin|no tienes|no tiene) (?:ninguna |más )?restricci(?:ones|ón)|sin límites|(?:ohne"
        r"|keine) (?:einschränkungen"
        r"|regeln)|(?:sans|aucune) (?:aucune )?restrictions?|(?:senza|nessuna) restrizion[ei]"
        r"|(?:sem|n[ãa]o tem) (?:quaisquer )?restrições|zonder beperkingen"
        r"|без (?:каких-либо )?ограничений|нет (?:никаких )?ограничений|没有任何限制|沒有任何限制"
        r"|没有限制|不受(?:任何)?限制|无限制"
        r"|制限(?:が|は)(?:ない|ありません)|制限なし|無制限|제한 없|bez ograniczeń|sin censura"
        r"|ohne zensur|sans censure|senza censura|sem censura|без цензуры|无审查|没有审查",
        45,
    ),
    Signal(
        "safety_off_translated",
        "filter|filtr|einschränk|beschränk|restric|límites|seguridad|sicherheits|фильтр|ограничен"
        "|защит|安全|过滤"
        "|限制|审查|フィルタ|制限|필터|제한|قيود|مرشح|bộ lọc|an toàn|giới hạn",
        r"\b(?:deaktivier\w*|schalte?|entfern\w*|umgeh\w*"
        r"|ignorier\w*)\s+(?:\S+ )?(?:alle )?(?:deine|ihre|eure"
        r"|alle sicherheits)\w*[ -]?(?:\w+ )?(?:sicherheits\w*|inhalts\w*|filter|einschränkungen"
        r"|beschränkungen)"
        r"|\b(?:désactive\w*|supprime\w*|enlève\w*|contourne\w*)\s+(?:\S+ )?(?:tes"
        r"|vos) (?:\w+ )?(?:filtres?"
        r"|restrictions?|limites|protections?)"
        r"|\b(?:desactiva\w*|deshabilita\w*|elimina\w*|quita\w*|desativ\w*|remov\w*"
        r"|desabilit\w*)\s+(?:\S+ )?"
        r"(?:tus|sus|seus|suas|teus|tuas) (?:\w+ )?(?:filtros?|restriccion\w*|restriç\w*|límites|limites)"
        r"|\b(?:disattiva\w*|rimuovi|elimina)\s+(?:\S+ )?(?:i tuoi|le tue) (?:\w+ )?(?:filtri"
        r"|restrizioni|limiti)"
        r"|(?:отключи\S*|сними\S*|убери\S*|обойди\S*)\s+(?:все |свои |твои |ваши )+(?:\S+ )?(?:фильтр\S*"
        r"|ограничен\S*|защит\S*)"
        r"|(?:关闭|禁用|绕过|解除|移除|关掉)(?:你的|您的|所有的?|全部)[^。\n]{0,6}(?:过滤|限制|审查|安全)"
        r"|(?:すべて|全て|あなた)の?[^。\n]{0,6}(?:フィルター?|制限|安全(?:機能|装置))を?[^。\n]{0,6}(?:オフ|無効|解除|外し)"
        r"|(?:너의|네|모든|당신의) ?[^.\n]{0,6}(?:필터|제한|안전)[^.\n]{0,8}(?:끄|꺼|해제|비활성)"
        r"|(?:تجاوز|عطل|عطّل|أزل)[^.\n]{0,12}(?:قيود|مرشحات|فلاتر)"
        r"|(?:vượt qua|tắt|gỡ bỏ|bỏ qua) [^.\n]{0,16}(?:bộ lọc|giới hạn|chính sách an toàn|an toàn)",
        52,
        60,
        "safety_off",
    ),
    Signal(
        "from_now_on_translated",
        "ab jetzt|ab sofort|von nun an|à partir de maintenant|dorénavant|désormais|a partir de ahora"
        "|de ahora en adelante|d'ora in poi|da questo momento|a partir de agora|de agora em diante|vanaf nu"
        "|с этого момента|теперь ты|从现在起|从现在开始|從現在|今から|これから|지금부터|od teraz|you are now",
        r"(?:ab (?:jetzt|sofort)|von nun an),? (?:bist|sind|antworte|musst|wirst|darfst|spielst|heißt)"
        r"|(?:à partir de maintenant|dorénavant|désormais),? (?:tu|vous)|(?:a partir de ahora"
        r"|de ahora en adelante),? (?:eres|tú|vas|no|responde|actúa|serás)|(?:d[’']ora in poi"
        r"|da questo momento)[^.\n]{0,10}(?:sei|tu|rispondi|devi)"
        r"|(?:a partir de agora|de agora em diante),? (?:você|tu|és)|vanaf nu (?:ben|moet|ga)"
        r"|с этого момента (?:ты|вы)|теперь ты|(?:从现在起|从现在开始|從現在)[^。\n]{0,6}你|(?:今から"
        r"|これから)(?:あなた|君)"
        r"|지금부터 (?:너|당신)|od teraz (?:jesteś|odpowiadaj)",
        28,
    ),
)
