"""The kinds of replies that were misread once, with their relatives: a wrong number is worse than none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.elicit import parse_confidence, read_reply

TAGS = st.sampled_from(
    [
        *("think", "thinking", "thought", "thoughts", "reasoning", "seed:think", "reflection", "scratchpad"),
        *("cot", "deep_think", "inner-thoughts", "thinking_mode", "chain_of_thought", "model:reasoning"),
    ]
)
BRACKETS = st.sampled_from([("<", ">"), ("[", "]"), ("◁", "▷"), ("<|", "|>"), ("<｜", "｜>")])
VALUES = st.integers(1, 99)
THOUGHTS = st.sampled_from(
    ["Confidence: 0.31 for now, but wait", "I am 31% sure", "Answer: Graz\nConfidence: 31%", "hm", ""]
)


def tagged(name: str, brackets: tuple[str, str], *, end: bool = False) -> str:
    return f"{brackets[0]}{'/' if end else ''}{name}{brackets[1]}"


def cased(draw: st.DrawFn, name: str) -> str:
    return draw(st.sampled_from([name, name.upper(), name.capitalize()]))


@given(TAGS, BRACKETS, THOUGHTS, st.sampled_from([str.lower, str.upper, str.capitalize]), VALUES)
def test_thinking_is_never_the_answer(name, brackets, thought, case, percent) -> None:  # type: ignore[no-untyped-def]
    begin, end = (tagged(case(name), brackets, end=end) for end in (False, True))
    assert parse_confidence(f"{begin}{thought}").reason == "unfinished"
    assert read_reply(f"{begin}{thought}").answer is None
    reply = read_reply(f"{begin}{thought}{end}\nAnswer: Vienna\nConfidence: {percent}%")
    assert (reply.answer, reply.confidence.value) == ("Vienna", percent / 100)
    # a second thought after the reply that does not end may still take everything back
    again = f"{begin}{thought}{end}\nConfidence: {percent}%\n{begin}{thought}"
    assert parse_confidence(again).reason == "unfinished"


@given(
    st.sampled_from(
        [
            *(("```thinking\n", "\n```"), ("<details><summary>My thoughts</summary>", "</details>")),
            *(("<unused94>thought\n", "<unused95>"), ("<|channel>thought\n", "<channel|>")),
            *(("<|im_start|>think\n", "<|im_end|>"), ("Thinking...\n", "\n...done thinking.\n")),
            *(("<|think_start|>", "<|think_end|>"), ("<antThinking>", "</antThinking>")),
            *(("&lt;think&gt;", "&lt;/think&gt;"), ("< think >", "< /think >")),
        ]
    ),
    THOUGHTS,
    VALUES,
)
def test_thinking_marked_otherwise_is_never_the_answer(
    marks: tuple[str, str], thought: str, percent: int
) -> None:
    begin, end = marks
    assert parse_confidence(f"{begin}{thought}").reason == "unfinished"
    reply = read_reply(f"{begin}{thought}{end}\nAnswer: Vienna\nConfidence: {percent}%")
    assert (reply.answer, reply.confidence.value) == ("Vienna", percent / 100)


@given(VALUES, st.sampled_from(["reasoning", "rationale", "analysis", "reason"]), THOUGHTS)
def test_reasons_behind_a_reply_do_not_hide_it(percent: int, name: str, thought: str) -> None:
    reply = read_reply(f"Answer: Vienna\nConfidence: {percent}%\n<{name}>{thought}</{name}>\n")
    assert (reply.answer, reply.confidence.value) == ("Vienna", percent / 100)


@pytest.mark.parametrize(
    ("label", "revised", "final"),
    [
        ("Confianza", "Confianza revisada", "Confianza final"),
        ("Confiance", "Confiance révisée", "Confiance finale"),
        ("Konfidenz", "Überarbeitete Konfidenz", "Endgültige Konfidenz"),
        ("Confiança", "Confiança atualizada", "Confiança final"),
        ("Fiducia", "Fiducia aggiornata", "Fiducia finale"),
        ("置信度", "修正后的置信度", "最终置信度"),
        ("確信度", "更新後の確信度", "最終確信度"),
        ("Уверенность", "Обновлённая уверенность", "Итоговая уверенность"),
        ("Confidence", "Confidence, revised", "Definitive confidence"),
        ("Confidence", "Confidence after double-checking", "Confidence (final)"),
    ],
)
@given(before=VALUES, after=VALUES)
def test_what_was_taken_back_is_not_read_in_any_language(
    label: str, revised: str, final: str, before: int, after: int
) -> None:
    for last in (revised, final):
        text = f"Answer: Vienna\n{label}: {before}%\n\n{last}: {after}%"
        assert parse_confidence(text).value == after / 100


@given(VALUES, VALUES, st.sampled_from(["dropped {}%", "drops by {}%", "increased by {}%", "reduced {}%"]))
def test_how_far_a_confidence_moved_is_not_where_it_stands(stated: int, by: int, form: str) -> None:
    moved = f"My confidence {form.format(by)} for the typo."
    assert parse_confidence(moved).value is None
    assert parse_confidence(f"Confidence: {stated}%\n{moved}").value == stated / 100


@given(
    VALUES,
    st.sampled_from(
        [
            *(
                "{} (0-100)",
                "{} [0-100]",
                "{} (out of 100)",
                "{} von 100",
                "{} sur 100",
                "{} de 100",
                "{} (%)",
            ),
            *(
                "{} Prozent",
                "{} por ciento",
                "{} pour cent",
                "{} процентов",
                "{} パーセント",
                "🟢 {}%",
                "<b>{}%</b>",
            ),
            *(
                "hoch ({}%)",
                "alta ({}%)",
                "élevée ({} %)",
                "высокая ({}%)",
                "etwa {}%",
                "environ {} %",
                "⇒ {}%",
            ),
            *("\n- {}%", "\n```\n{}%\n```", "&nbsp;{}&percnt;"),
        ]
    ),
)
def test_numbers_are_read_as_many_languages_write_them(percent: int, form: str) -> None:
    reply = read_reply(f"Answer: Vienna\nConfidence: {form.format(percent)}")
    assert (reply.answer, reply.confidence.value) == ("Vienna", percent / 100)


@given(VALUES, st.sampled_from(["1=low, 5=high", "GPT-4", "step 2", "95% CI", "1-7"]))
def test_a_bracket_with_other_numbers_is_not_the_value(percent: int, inside: str) -> None:
    found = parse_confidence(f"Confidence ({inside}): {percent}")
    assert found.value is None


@given(
    st.sampled_from("01"),
    st.sampled_from(
        [":", " : ", ") ", ".) ", "·", "'", "’", " .", " ,", "_", " | ", "; ", ", ", " → ", " ", ". "]
    ),
    st.integers(0, 99),
    st.sampled_from(["", "%"]),
)
def test_a_bare_nought_or_one_that_goes_on_is_not_read(
    first: str, between: str, rest: int, sign: str
) -> None:
    found = parse_confidence(f"Answer: Vienna\nConfidence: {first}{between}{rest}{sign}")
    assert found.value is None
    assert found.reason is not None


@given(
    st.sampled_from("01"),
    st.sampled_from(["", ".", "\n", "\nAnswer: Vienna", " (certain)", ", because", "*", '"']),
)
def test_a_bare_nought_or_one_that_ends_is_read(number: str, end: str) -> None:
    assert parse_confidence(f"Confidence: {number}{end}").value == float(number)


@pytest.mark.parametrize(
    "half", ["50/50", "50:50", "50-50", "50 / 50", "50%/50%", "0.5/0.5", ".5/.5", "50 to 50"]
)
def test_halves_are_one_half(half: str) -> None:
    assert parse_confidence(f"Confidence: {half}").value == 0.5


@given(
    VALUES,
    VALUES,
    st.sampled_from(["{}% → {}%", "{}% -> {}%", "A {}%, B {}%", "{}% for A, {}% for B", "yes={}% no={}%"]),
)
def test_two_values_on_one_line_are_several(one: int, other: int, form: str) -> None:
    found = parse_confidence(f"Confidence: {form.format(one, other)}")
    assert found.value is None or one == other


@given(
    VALUES,
    VALUES,
    st.sampled_from(
        [
            *("Revised confidence: {}%", "Updated confidence: {}%", "Adjusted confidence level: {}%"),
            *("Corrected confidence: {}%", "After review, confidence: {}%", "Confidence after review: {}%"),
            *(
                "Confidence (revised): {}%",
                "On reflection, my confidence is {}%.",
                "I revise my confidence to {}%.",
            ),
            *("Re-assessed confidence: {}%", "Final confidence: {}%"),
        ]
    ),
    st.sampled_from(["\n", "\nLet me check the date again.\n\n", ". "]),
)
def test_what_was_taken_back_is_not_read(before: int, after: int, form: str, between: str) -> None:
    found = parse_confidence(f"Answer: Vienna\nConfidence: {before}%{between}{form.format(after)}")
    assert found.value == after / 100


LABELS = [
    *("Confidence", "Nivel de confianza", "Grado de certeza", "Niveau de confiance", "Degré de certitude"),
    *("Zuversicht", "Sicherheit", "Konfidenz", "Vertrouwen", "Zekerheid", "Nível de confiança", "Fiducia"),
    *(
        "Degree of confidence",
        "Konfidenzwert",
        "Степень уверенности",
        "Рівень впевненості",
        "Stopień pewności",
    ),
    *("רמת ביטחון", "Επίπεδο εμπιστοσύνης", "Độ tự tin", "विश्वास स्तर", "可信度", "자신감", "自信"),
    *("Уровень уверенности", "الثقة", "مستوى الثقة", "Güven", "置信度", "確信度", "확신도", "Pewność"),
]
FORMS = [
    *("{}: {}%", "{} : {} %", "**{}**: {}%", "{} [0-100%]: {}%", "{} (0-100): {}", "{} → {}%", "{}: %{}"),
    *("{}: \\boxed{{{}\\%}}", "| {} | {}% |", "{} (%): {}", "- {}: {}%"),
]


@pytest.mark.parametrize("label", LABELS)
@given(VALUES, st.sampled_from(FORMS))
def test_labels_of_many_languages_and_forms_are_read(label: str, percent: int, form: str) -> None:
    assert parse_confidence("Answer: Vienna\n" + form.format(label, percent)).value == percent / 100


@given(VALUES, st.sampled_from([" | ", "; ", ", ", " / ", " — ", " → ", " · ", "\t", " (", " ["]))
def test_an_answer_ends_before_its_confidence(percent: int, between: str) -> None:
    close = {"(": ")", "[": "]"}.get(between.strip(), "")
    for bold in ("", "**"):
        text = f"{bold}Answer:{bold} Vienna{between}{bold}Confidence:{bold} {percent}%{close}"
        reply = read_reply(text)
        assert (reply.answer, reply.confidence.value) == ("Vienna", percent / 100)


@given(VALUES, st.sampled_from(["|---|---|\n", "| :-- | --: |\n", "|-|-|\n", ""]), st.booleans())
def test_a_table_states_its_value_in_the_row_below(percent: int, rule: str, headed: bool) -> None:
    head, cell = ("Confidence (%)", f"{percent}") if headed else ("Confidence", f"{percent}%")
    reply = read_reply(f"| Answer | {head} |\n{rule}| Vienna | {cell} |\n")
    assert (reply.answer, reply.confidence.value) == ("Vienna", percent / 100)


@given(VALUES, st.booleans())
def test_tables_of_html_and_of_lines_are_read(percent: int, drawn: bool) -> None:
    if drawn:
        text = f"┌──┬──┐\n│ Answer │ Confidence │\n├──┼──┤\n│ Vienna │ {percent}% │\n└──┴──┘"
    else:
        text = (
            "<table>\n<tr><th>Answer</th><th>Confidence</th></tr>\n"
            f"<tr>\n<td>Vienna</td>\n<td>{percent}%</td></tr>\n</table>"
        )
    reply = read_reply(text)
    assert (reply.answer, reply.confidence.value) == ("Vienna", percent / 100)
