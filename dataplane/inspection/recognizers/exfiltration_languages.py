"""The signs of exfiltration in other languages: a request to show the prompt that the model was given."""

from __future__ import annotations

from typing import Final

from dataplane.inspection.evidence import Signal

TRANSLATED: Final = (
    Signal(
        "reveal_translated",
        "system prompt|systemprompt|system-prompt|prompt de|prompt do|prompt di|prompt syst|prompt iniz"
        "|systemnachricht|systeemprompt|системн|промпт|инструкц|підказ|запит|系统提示|系統提示|提示词"
        "|提示詞|系统指令|初始指令"
        "|初始提示|システムプロンプト|指示|시스템|프롬프트|anweisung|consigne|instruc|istruzion|istem"
        "|הנחי|הוראות|निर्देश"
        "|प्रॉम्प्ट|التعليمات|lời nhắc|systemowy|instrukc",
        r"(?:zeig\w*|nenn\w*|gib|verrat\w*|drucke|ausgeben|wiederhol\w*|schreib\w*|wie lautet|was (?:ist"
        r"|sind|steht))\b[^.\n]{0,50}?(?:system-?\s?prompt\w*|systemnachricht\w*|(?:deine|ihre"
        r"|die) (?:\w+ )?(?:anweisungen|instruktionen|vorgaben))"
        r"|(?:affich\w*|montr\w*|révèl\w*|revel\w*|donne\w*|répèt\w*|écri\w*|dis|quel(?:le)?s? (?:est|sont)"
        r"|imprim\w*|divulgu\w*)[^.\n]{0,50}?(?:prompt (?:du |de )?(?:système|syst[eè]me|initial)"
        r"|system ?prompt|(?:tes|vos) (?:\w+ )?(?:instructions|consignes|directives))"
        r"|(?:muestra\w*|muéstra\w*|mostr[ae]\S*|revela\w*|dime|di|imprim\w*|repit\w*|repet\w*|escrib\w*"
        r"|exib\w*|diga|cuál(?:es)?|qual|quais|dame|enséña\w*|escreva"
        r"|liste)[^.\n]{0,50}?(?:prompt (?:de[l]? |do |inicial )?(?:sistema|inicial)|system ?prompt|(?:tus"
        r"|sus|suas|seu|tu) (?:\w+ )?(?:instrucciones|instruções|indicaciones|prompt))"
        r"|(?:mostr\w*|rivel\w*|stamp\w*|dimmi|ripet\w*|scriv\w*|qual[ie]?"
        r"|elenc\w*)[^.\n]{0,50}?(?:prompt (?:di |del )?sistema|prompt iniziale|system ?prompt|(?:tue"
        r"|vostre) (?:\w+ )?istruzioni)"
        r"|(?:toon|geef|laat|herhaal|onthul|druk|wat (?:is|zijn))[^.\n]{0,40}?(?:systeemprompt"
        r"|system ?prompt|je (?:\w+ )?instructies)|(?:visa|vis|upprepa|avslöja"
        r"|gjenta)[^.\n]{0,30}?(?:system ?prompt\w*|instruktion\w*)|(?:pokaż|wyświetl|ujawnij|podaj"
        r"|powtórz)[^.\n]{0,40}?(?:prompt\w* systemow\w*|systemow\w+ prompt\w*|system ?prompt"
        r"|swoje instrukcje|instrukcje systemowe)"
        r"|(?:покаж\S*|выведи\S*|раскро\S*|напиш\S*|повтор\S*|назови\S*|скажи\S*|виведи\S*|распечат\S*"
        r"|какие|какой)[^.\n]{0,50}?(?:системн\S+ (?:промпт\S*|запрос\S*|подсказк\S*|инструкц\S*|сообщен\S*"
        r"|промт\S*|запит\S*)|сво[йию]\S* (?:\S+ )?(?:инструкц\S*|промпт\S*))"
        r"|(?:输出|輸出|显示|顯示|告诉|告訴|重复|重複|打印|展示|泄露|透露|给我|給我|复述|公开|列出|说出"
        r"|說出|翻译|写出|发给)[^。！\n]{0,16}?(?:(?:你的"
        r"|您的)系统提示|系統提示|提示词|提示詞|系统指令|初始指令|初始提示|系统消息|隐藏指令|内部指令"
        r"|system prompt|prompt)|(?:系统提示词|系統提示詞|系统指令"
        r"|初始指令|初始提示|(?:你的|您的)(?:系统提示|提示词|指令))[^。！\n]{0,10}?(?:输出|显示|告诉|打印"
        r"|复述|列出|写|发|展示)"
        r"|(?:システムプロンプト|初期プロンプト|システムメッセージ|(?:最初|内部"
        r"|隠され)[^。\n]{0,4}(?:指示|命令|プロンプト))[^。\n]{0,12}?(?:表示|教え|出力"
        r"|見せ|開示|繰り返|書い|公開)"
        r"|(?:시스템 ?프롬프트|초기 (?:프롬프트|지시)|시스템 (?:메시지|지시))[^.\n]{0,10}?(?:출력|보여"
        r"|알려|공개|표시|말해|반복)"
        r"|sistem (?:istemini|promptunu|mesajını|komutunu)[^.\n]{0,10}?(?:göster|yaz|söyle|paylaş)"
        r"|הנחיית המערכת|(?:सिस्टम (?:प्रॉम्प्ट|निर्देश))[^।\n]{0,12}?(?:दिखा|बता|प्रकट)|(?:lời nhắc"
        r"|prompt) hệ thống|(?:εμφάνισ|δείξε|αποκάλυψ)[^.\n]{0,20}?(?:system prompt|οδηγί|προτροπ)|(?:اعرض"
        r"|أظهر|اكشف|اطبع)[^.\n]{0,30}?(?:موجه النظام|تعليمات النظام|system prompt|تعليماتك)|(?:tampilkan"
        r"|tunjukkan)[^.\n]{0,20}?(?:prompt sistem|system prompt)",
        55,
        65,
        "prompt",
    ),
)
