"""The words by which a statement of confidence is recognised."""

from __future__ import annotations

# What a label is called. In some writing systems a word has no edge, so those are found anywhere.
LABELS = (
    *("confidence", "certainty"),
    *("confianza", "certeza", "confiance", "certitude", "confiança", "fiducia", "confidenza", "certezza"),
    *("konfidenz", "zuversicht", "sicherheit", "gewissheit", "vertrauen", "vertrouwen", "zekerheid"),
    *("betrouwbaarheid", "säkerhet", "tillförlitlighet", "sikkerhed", "sikkerhet", "varmuus", "luottamus"),
    *("pewność", "jistota", "istota", "încredere", "bizonyosság", "güven", "güvenilirlik", "kepercayaan"),
    *("keyakinan", "уверенность", "уверенности", "достоверность", "впевненість", "εμπιστοσύνη", "βεβαιότητα"),
    *("konfidenzniveau", "konfidenzwert", "konfidenzgrad", "vertrauensgrad", "vertrauensniveau"),
    *("sicherheitsgrad", "vertrouwensniveau", "pewności", "jistoty", "tillit"),
    *("الثقة", "ثقة", "اليقين", "اطمینان", "ביטחון", "विश्वास", "độ tin cậy"),
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
)
CHANCES = ("probability", "likelihood", "chance")  # labels only of being correct
CORRECT = {"correct", "correctness", "right", "accurate", "true"}

# Between a label and its number
SUFFIX = CORRECT | {
    *("level", "score", "rating", "value", "estimate", "estimation", "percentage", "percent", "probability"),
    *("in", "of", "that", "this", "the", "my", "answer", "response", "solution", "final", "overall", "being"),
    *("on", "a", "scale", "from", "out", "as", "for", "i", "am", "it", "numeric", "verbalized"),
    *("en", "la", "el", "de", "del", "respuesta", "dans", "le", "réponse", "der", "die", "antwort", "na"),
    *("resposta", "nella", "risposta", "het", "antwoord", "düzeyi", "seviyesi", "skoru", "oranı"),
    *("水平", "程度", "度", "值", "分数", "スコア", "レベル", "수준", "점수"),
}
# The author took an earlier number back
REVISED = {
    *(
        "revised",
        "updated",
        "adjusted",
        "corrected",
        "amended",
        "reconsidered",
        "new",
        "evaluated",
        "assessed",
    ),
    *("reevaluated", "reassessed", "recalculated", "recalibrated", "refined", "modified", "changed"),
}
REVISION = {
    *("review", "reviewing", "reflection", "reflecting", "reconsideration", "reconsidering", "revision"),
    *("checking", "rechecking", "verification", "verifying", "update", "updating", "correction", "thought"),
}
AFTERWARDS = {*REVISION, *REVISED, "after", "upon", "on", "further", "careful", "second", "now"}
REVISES = {
    "revise",
    "revising",
    "update",
    "adjust",
    "correct",
    "amend",
    "change",
    "lower",
    "raise",
    "actually",
}
REVISES |= {"correction", "edit"}
COPULA = {
    "is",
    "beträgt",
    "es",
    "è",
    "é",
    "составляет",
    "at",
    "be",
    "would",
    "stands",
    "equals",
    "was",
    "为",
    "是",
    "は",
    "est",
    "ist",
}
APPROXIMATELY = {"about", "around", "approximately", "approx", "roughly", "circa", "ca", "probably", "maybe"}
BOUND = {
    *("least", "most", "over", "above", "below", "under", "more", "less", "than", "nearly", "almost", "up"),
    *("to", "between", "from", "exceeds", "beyond", "minimum", "maximum"),
}
LEVEL = {
    *("high", "higher", "highest", "low", "lower", "lowest", "medium", "moderate", "moderately", "very"),
    *("fairly", "quite", "extremely", "absolutely", "completely", "strong", "certain", "sure", "confident"),
    *("full", "complete", "total", "reasonably", "highly", "somewhat"),
}
DECLINED = {"n/a", "na", "none", "null", "unknown", "nil", "nan", "undefined", "unsure", "undetermined"}
BETWEEN, BESIDE = SUFFIX | COPULA, LEVEL | BOUND | APPROXIMATELY | COPULA | {"a", "an"}

# Before a label
OWN = {"my", "our"}
FINAL = {"final", "overall"}
MODIFIER = {
    *(*OWN, *FINAL, "the", "a", "level", "of", "total", "current", "answer", "model", "self", "subjective"),
    *("stated", "estimated", "calibrated", "reported", "verbalized", "numeric", "numerical", "correctness"),
    *("high", "low", "medium", "moderate", "very", "fairly", "quite", "strong"),
    *("nivel", "grado", "índice", "mi", "niveau", "degré", "taux", "indice", "mon", "ma", "nível", "grau"),
    *("minha", "livello", "mia", "di", "meine", "mijn", "mate", "van", "grad", "an", "уровень", "мой", "моя"),
    *("poziom", "seviyesi", "tingkat", "مستوى", "درجة", "نسبة", "de", "la", "le", "der", "die", "het"),
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
