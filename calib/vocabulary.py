"""The words in which people and programs say that an answer was right. Standard library alone.

One table for every reader: files that are measured, outcomes in traffic, files of labels, questions of a
probe. Words are compared in lower case and without blanks around them. Numbers are answers where they equal
1 or 0, however they are written. What the table does not hold is never guessed: `w` (wrong, or German
*wahr*), `x` (a tick, or a cross) and `-1` are refused by whoever reads them.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Literal, get_args

Meaning = Literal["correct", "incorrect", "unsure", "unknown"]
MEANINGS: tuple[Meaning, ...] = get_args(Meaning)
BLANKS = " \t\n\r\v\f\xa0"

_WORDS: dict[Meaning, str] = {
    # English, Spanish, German, French, Italian, Portuguese, Dutch; more of these, what spreadsheets write
    # for TRUE and FALSE, Polish, Russian, Turkish, Swedish, Danish, Chinese, Japanese
    "correct": """
        1 1.0 true t yes y correct right pass passed ok
        sí si correcto verdadero ja richtig wahr korrekt oui vrai juste
        sì vero corretto giusto sim verdadeiro waar juist ✓ ✔ ✔️ ✅
        correcta verdadera correcte correto correta certo goed tak prawda poprawne да верно правильно истина
        evet doğru rätt sant sand 是 对 正确 真 はい 正解""",
    "incorrect": """
        0 0.0 false f no n incorrect wrong fail failed ko nok not_ok not_correct not_right
        incorrecto falso nein falsch inkorrekt non faux
        errato sbagliato não errado nee onwaar onjuist ✗ ✘ ✖️ ❌
        incorrecta falsa incorrecte fausse incorreto incorreta errada fout nie fałsz błędne нет неверно
        неправильно ложь hayır hayir yanlış yanliş fel falskt falsk 否 错 错误 假 いいえ 不正解""",
    "unsure": "unsure uncertain unclear ? not_sure unsicher unklar",
    # Nothing is known yet. "" is what is left of a blank cell.
    "unknown": """
        none null na n/a #n/a <na> nan nat nil empty pending unknown missing undefined unlabelled unlabeled
        todo tbd - -- – — \\n""",
}
# an underscore in the table above stands for a blank, which a reviewer writes as well
WORDS: dict[str, Meaning] = {
    spelling: meaning
    for meaning, words in _WORDS.items()
    for word in words.split()
    for spelling in (word, word.replace("_", " "))
} | {"": "unknown"}
# In a column of numbers the same words say that none was stated; NaN is a number that went wrong.
NO_NUMBER = tuple(word for word, means in WORDS.items() if means == "unknown" and word != "nan")
HOW = "write 1 or 0, true or false, correct or incorrect"


def meaning(word_given: str) -> Meaning | None:
    """What a word says of an answer; None for a word or number that is not known.

    >>> meaning(" Wrong"), meaning("1.00"), meaning("N/A"), meaning("-1"), meaning("w")
    ('incorrect', 'correct', 'unknown', None, None)
    """
    word = word_given.strip(BLANKS).lower()
    if (label := WORDS.get(word)) is not None:
        return label
    if not word.isascii() or not word[-1:].isdigit() or "_" in word:
        return None
    try:
        number = Decimal(word)
    except InvalidOperation:
        return None
    return "correct" if number == 1 else "incorrect" if number == 0 else None
