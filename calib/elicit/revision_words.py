"""The words that take an earlier number back, and those that call one final, in several languages."""

from __future__ import annotations

# The author took an earlier number back
REVISED = {
    *("revised", "updated", "adjusted", "corrected", "amended", "reconsidered", "new"),
    *("evaluated", "assessed", "reevaluated", "reassessed", "recalculated", "recalibrated"),
    *("refined", "modified", "changed", "improved", "increased", "raised", "decreased"),
    *("lowered", "reduced", "dropped", "rises", "drops", "falls", "fell", "rose", "v2", "now"),
    *("checked", "rechecked", "verified", "revisada", "revisado", "actualizada", "actualizado"),
    *("ajustada", "ajustado", "corregida", "corregido", "nueva", "nova", "atualizada"),
    *("atualizado", "corrigida", "corrigido", "révisée", "révisé", "ajustée", "ajusté"),
    *("corrigée", "corrigé", "actualisée", "nouvelle", "nouveau", "überarbeitete"),
    *("aktualisierte", "angepasste", "korrigierte", "revidierte", "neue", "neuer", "aggiornata"),
    *("aggiornato", "rivista", "corretta", "nuova", "herziene", "bijgewerkte", "aangepaste"),
    *("nieuwe", "обновлённая", "обновленная", "пересмотренная", "новая", "скорректированная"),
    *("уточнённая", "уточненная", "zaktualizowana", "poprawiona", "nowa", "güncellenmiş", "yeni"),
    *("المعدلة", "المحدثة", "المعدل", "المنقحة", "修正后", "修正后的", "修正後", "修正後の"),
    *("修正後的", "更新后", "更新后的", "更新後", "更新後の", "更新後的", "调整后", "调整后的"),
    *("調整後", "調整後の", "調整後的", "修正した", "更新された", "新的", "新しい", "수정된"),
    *("업데이트된", "조정된", "새로운"),
}
REVISION = {
    *("review", "reviewing", "reflection", "reflecting", "reconsideration", "reconsidering"),
    *("revision", "checking", "rechecking", "verification", "verifying", "update", "updating"),
    *("correction", "thought"),
}
AFTERWARDS = {
    *REVISION,
    *REVISED,
    *("on", "after", "upon", "further", "careful", "second", "now", "to", "up", "down", "back"),
    *("double", "post", "again", "has", "have", "been"),
}
# Of these, what is said of a confidence that moves: the number behind it is where it went only after "to"
MOVES = {
    *("increased", "raised", "decreased", "lowered", "reduced", "dropped", "rises", "drops", "falls"),
    *("fell", "rose"),
}
# Verbs and calls with which a sentence takes it back
REVISES = {
    *("correct", "update", "correction", "revise", "now", "again", "revising", "adjust", "amend", "change"),
    *("lower", "raise", "actually", "wait", "edit"),
}
# One number is called the last
FINAL = {
    *("final", "overall", "definitive", "ultimate", "concluding", "finale", "finaux"),
    *("définitive", "globale", "definitiva", "definitivo", "global", "endgültige", "endgültiger"),
    *("finales", "abschließende", "gesamte", "uiteindelijke", "definitieve", "complessiva"),
    *("итоговая", "итоговый", "окончательная", "końcowa", "ostateczna", "nihai", "akhir"),
    *("النهائية", "النهائي", "slutlig", "endelig", "最终", "最终的", "最終", "最終的"),
    *("最終的な", "最終の", "总体", "总体的", "総合", "최종", "전체"),
}
