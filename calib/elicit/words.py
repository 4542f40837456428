"""The words by which a statement of confidence is recognised."""

from __future__ import annotations

from calib.elicit.revision_words import AFTERWARDS, FINAL, MOVES, REVISED, REVISES, REVISION

__all__ = ["AFTERWARDS", "FINAL", "MOVES", "REVISED", "REVISES", "REVISION"]

# What a label is called. In some writing systems a word has no edge, so those are found anywhere.
LABELS = (
    *("confidence", "certainty"),
    *("confianza", "certeza", "confiance", "certitude", "confiança", "fiducia", "confidenza", "certezza"),
    *("konfidenz", "zuversicht", "sicherheit", "gewissheit", "vertrauen", "vertrouwen", "zekerheid"),
    *("betrouwbaarheid", "säkerhet", "tillförlitlighet", "sikkerhed", "sikkerhet", "varmuus", "luottamus"),
    *("pewność", "jistota", "istota", "încredere", "bizonyosság", "güven", "güvenilirlik", "kepercayaan"),
    *(
        "keyakinan",
        "уверенность",
        "уверенности",
        "достоверность",
        "впевненості",
        "εμπιστοσύνης",
        "βεβαιότητας",
        "впевненість",
        "εμπιστοσύνη",
        "βεβαιότητα",
    ),
    *("konfidenzniveau", "konfidenzwert", "konfidenzgrad", "vertrauensgrad", "vertrauensniveau"),
    *("sicherheitsgrad", "vertrouwensniveau", "pewności", "jistoty", "tillit"),
    *("впевненості", "εμπιστοσύνης", "βεβαιότητας"),
    *("الثقة", "ثقة", "اليقين", "اطمینان", "ביטחון", "विश्वास", "độ tin cậy"),
    *("độ tự tin", "độ chắc chắn", "आत्मविश्वास", "konfidens", "magabiztosság"),
)
EDGELESS = (
    "置信度",
    "把握度",
    "ความมั่นใจ",
    "ความเชื่อมั่น",
    "信心度",
    "信心",
    "信頼度",
    "確信度",
    "自信度",
    "신뢰도",
    "확신도",
    *("确信度", "确定度", "可信度", "自信程度", "自信心", "置信水平", "把握", "自信", "確度"),
    *("확신", "자신감", "신뢰 수준", "신뢰수준", "ระดับความมั่นใจ"),
)
CHANCES = ("probability", "likelihood", "chance")  # labels only of being correct
CORRECT = {"correct", "correctness", "right", "accurate", "true"}

# Between a label and its number
SUFFIX = CORRECT | {
    *("probability", "level", "score", "rating", "value", "estimate", "estimation", "percentage"),
    *("percent", "in", "of", "that", "this", "the", "my", "answer", "response", "solution"),
    *("final", "overall", "being", "on", "a", "scale", "from", "out", "as", "for", "i", "am"),
    *("m", "it", "numeric", "verbalized", "en", "la", "el", "de", "del", "respuesta", "dans"),
    *("le", "réponse", "der", "die", "antwort", "na", "resposta", "nella", "risposta", "het"),
    *("antwoord", "düzeyi", "seviyesi", "skoru", "oranı", "स्तर", "दर", "水平", "程度", "度"),
    *("值", "分数", "スコア", "レベル", "수준", "점수"),
}
COPULA = {
    *("is", "beträgt", "es", "è", "é", "составляет", "at", "be", "would", "stands", "equals"),
    *("was", "为", "是", "は", "est", "는", "은", "ist"),
}
APPROXIMATELY = {
    *("etwa", "ungefähr", "rund", "environ", "aproximadamente", "cerca", "около", "примерно"),
    *("ongeveer", "unos", "alrededor", "około", "yaklaşık", "sekitar", "约", "大约", "約"),
    *("およそ", "약", "حوالي", "about", "around", "approximately", "approx", "roughly", "circa"),
    *("ca", "probably", "maybe"),
}
BOUND = {
    *("from", "to", "up", "least", "most", "over", "above", "below", "under", "more", "less"),
    *("than", "nearly", "almost", "between", "exceeds", "beyond", "minimum", "maximum"),
}
LEVEL = {
    *("lower", "high", "higher", "highest", "low", "lowest", "medium", "moderate", "moderately"),
    *("very", "fairly", "quite", "extremely", "absolutely", "completely", "strong", "certain"),
    *("sure", "confident", "full", "complete", "total", "reasonably", "highly", "somewhat"),
    *("hoch", "sehr", "mittel", "niedrig", "gering", "alta", "alto", "muy", "media", "medio"),
    *("baja", "bajo", "élevée", "élevé", "haute", "haut", "très", "moyenne", "moyen", "faible"),
    *("molto", "bassa", "muito", "média", "baixa", "hoog", "zeer", "erg", "laag", "gemiddeld"),
    *("высокая", "высокий", "очень", "средняя", "низкая", "wysoka", "bardzo", "średnia", "niska"),
    *("yüksek", "çok", "orta", "düşük", "tinggi", "sangat", "sedang", "عالية", "عالي", "جدا"),
    *("高", "很高", "较高", "非常高", "中", "中等", "低", "高い", "非常に高い", "높음", "높다"),
}
DECLINED = {"n/a", "na", "none", "null", "unknown", "nil", "nan", "undefined", "unsure", "undetermined"}
BETWEEN, BESIDE = SUFFIX | COPULA | FINAL, LEVEL | BOUND | APPROXIMATELY | COPULA | {"a", "an"}

# Before a label
OWN = {"my", "our"}
MODIFIER = {
    *OWN,
    *FINAL,
    *("correctness", "level", "percentage", "of", "the", "answer", "a", "numeric", "verbalized"),
    *("la", "de", "le", "der", "die", "het", "seviyesi", "high", "low", "medium", "moderate"),
    *("very", "fairly", "quite", "strong", "total", "an", "current", "model", "self"),
    *("subjective", "stated", "estimated", "calibrated", "reported", "numerical", "nivel"),
    *("grado", "índice", "mi", "niveau", "degré", "taux", "indice", "mon", "ma", "nível", "grau"),
    *("minha", "livello", "mia", "di", "meine", "mijn", "mate", "van", "grad", "уровень", "мой"),
    *("моя", "degree", "porcentaje", "pourcentage", "percentual", "porcentagem", "percentuale"),
    *("степень", "рівень", "ступінь", "stopień", "stupeň", "míra", "úroveň", "nivelul", "gradul"),
    *("επίπεδο", "βαθμός", "רמת", "מידת", "سطح", "میزان", "mức", "ระดับ", "moja", "meu", "minun"),
    *("mein", "我", "我的", "对答案的", "回答的", "回答の", "答案", "答案的", "모델", "답변"),
    *("poziom", "tingkat", "مستوى", "درجة", "نسبة"),
}
LATEX = {"text", "textbf", "mathbf", "mathrm", "mathit", "boxed", "fbox", "bf"}
JOIN = {"with", "and", "at", "but", "so", "plus", "also", "und", "y", "et"}

# From a first person to "95% sure", read backwards
BE = {"am", "i'm", "im", "we're", "are", "be", "feel", "i'd", "we'd", "remain", "was", "were"}
ADVERB = APPROXIMATELY | {
    *("now", "currently", "still", "say", "only", "just", "quite", "very", "fairly", "pretty", "therefore"),
    *("would", "will", "can", "d", "so", "thus", "overall", "really", "honestly", "perhaps"),
}
PERSON = {"i", "we", "i'm", "im", "we're", "i'd", "we'd"}
HAVE = {
    *("have", "say", "put", "give", "estimate", "assign", "state", "answer"),
    *("with", "a", "an", "this", "that"),
}
STATISTICS = {"interval", "intervals", "level", "limit", "limits", "bound", "bounds", "band", "region", "set"}
