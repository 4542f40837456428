"""A stream's project in Label Studio: its labelling configuration, its instructions, and whose it is.

A project is ours by the last line of its description, which holds the mark of one of the stream's windows in
this database. What another deployment made is left alone (ADR 157).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from calib.errors import StudioError
from calib.json_object import Json
from calib.redaction import shown
from calib.review.label_studio import LabelStudio
from calib.review.labelling import ANSWERS
from calib.review.markdown import markdown_html

ANSWER, COMMENT = "label", "comment"  # the two controls that people fill in
TEXTS = ("question", "answer", "context")  # the three texts of a task, each with a title of its own
CONTROLS = f"""
  <Choices name="{ANSWER}" toName="question" choice="single" showInline="true" required="true"
           requiredMessage="Choose correct, incorrect or unsure.">
    <Choice value="correct" hotkey="c"/>
    <Choice value="incorrect" hotkey="x"/>
    <Choice value="unsure" hotkey="u"/>
  </Choices>
  <TextArea name="{COMMENT}" toName="question" rows="2" maxSubmissions="1" editable="true"
            placeholder="Comment, if there is something to say"/>"""
# The tag Text shows a text as it stands. HyperText would run what a model wrote, valueType="url" fetch it.
SHOWN = "".join(
    f"""
  <Header value="${name}_title" size="5"/>
  <Text name="{name}" value="${name}" valueType="text"/>"""
    for name in TEXTS
)
CONFIG = f"<View>{SHOWN}{CONTROLS}\n</View>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a stream's project is like.

    `name`: its title or its id. `marks`: one for each window of the stream, the newest first; a new project
    gets the first.
    """

    stream: str
    name: str
    marks: Sequence[str]
    instruction: str


def instruction_html(open_periods: Sequence[tuple[str, str]], guidelines: str | None) -> str:
    """What reviewers read before they label: which periods are open, with the last day, and the guidelines.

    >>> instruction_html([("2026-10", "2026-11-16")], None)
    '<p><strong>Open: 2026-10.</strong> Answers count until 2026-11-16 (UTC).</p>'
    """
    lines = [
        f"<p><strong>Open: {period}.</strong> Answers count until {day} (UTC).</p>"
        for period, day in open_periods
    ]
    closed = "<p><strong>Nothing is open.</strong> What is answered now does not count in any verdict.</p>"
    return "".join(lines or [closed]) + ("" if guidelines is None else markdown_html(guidelines))


def find_project(studio: LabelStudio, name: str, marks: Collection[str]) -> Json | None:
    """The project that is ours; None where there is none of that name.

    Raises `StudioError` for one of another deployment, and for an id that does not exist.
    """
    if name.isdecimal():
        project = studio.project(int(name))
        if project is None:
            raise StudioError(
                f"Label Studio at {shown(studio.url)} has no project with the id {name} that the key may "
                "see: correct review.project in calib.toml; a name is made where it does not exist"
            )
        candidates = [project]
    else:
        candidates = studio.projects_titled(name)
    ours = [project for project in candidates if mark_of(project) in marks]
    if ours:
        return ours[0]
    unmarked = [project for project in candidates if mark_of(project) is None]
    if unmarked and (_takes_our_answers(unmarked[0]) or studio.count(int(unmarked[0]["id"])) == 0):
        return unmarked[0]
    if candidates:
        raise StudioError(
            f"the project {name!r} in Label Studio at {shown(studio.url)} was not made for this stream by "
            "this deployment: name another one in review.project, which is made then; or, to hand it over, "
            "delete the last line of its description there"
        )
    return None


def make_ready(studio: LabelStudio, wanted: Wanted) -> Json:
    """The project, made where it does not exist, with its instructions up to date.

    Two runs that make it at the same time end with one. Raises what `find_project` raises, and `StudioError`
    where somebody has taken our answers out of its labelling configuration.
    """
    project = find_project(studio, wanted.name, wanted.marks)
    if project is None:
        made = studio.create_project(
            {"title": wanted.name, "label_config": CONFIG} | _fields(wanted, wanted.marks[0])
        )
        project = find_project(studio, wanted.name, wanted.marks) or made
        if project["id"] != made["id"]:
            studio.delete_project(int(made["id"]))
        return project
    mark = mark_of(project)
    fields = _fields(wanted, wanted.marks[0] if mark is None else mark)
    if not _takes_our_answers(project):
        if mark is not None:
            raise StudioError(
                f"the labelling configuration of the project {wanted.name!r} in Label Studio at "
                f"{shown(studio.url)} has no single choice called {ANSWER!r} with {', '.join(ANSWERS)}: undo "
                "the change there"
            )
        fields["label_config"] = CONFIG
    if project.get("description") != fields["description"]:
        project = studio.change_project(int(project["id"]), fields)
    return project


def page_of(url: str, project: Json) -> str:
    """Where a browser shows the project."""
    return f"{url.rstrip('/')}/projects/{project['id']}/data"


def mark_of(project: Json) -> str | None:
    """The mark in the last line of a project's description; None where it has none."""
    lines = str(project.get("description") or "").splitlines()
    words = lines[-1].split() if lines else []
    return words[1] if len(words) == 3 and words[0] == "calibwatch" else None


def _fields(wanted: Wanted, mark: str) -> Json:
    """The fields that follow the settings; the description's last word says whether they are current."""
    fields: Json = {
        "expert_instruction": wanted.instruction,
        "show_instruction": True,
        "show_skip_button": True,
        "enable_empty_annotation": False,
        # Who is asked twice is said task by task: with a share, Label Studio draws anew whenever tasks come
        # or go, and takes answered tasks of ended windows first.
        "maximum_annotations": 1,
        "overlap_cohort_percentage": 100,
    }
    state = hashlib.sha256(repr(sorted(fields.items())).encode()).hexdigest()[:12]
    fields["description"] = (
        f"Made by calibwatch for the stream {wanted.stream}. Do not change the last line.\n"
        f"calibwatch {mark} {state}"
    )
    return fields


def _takes_our_answers(project: Json) -> bool:
    """Whether its labelling configuration asks for our answers, however it looks."""
    control = (project.get("parsed_label_config") or {}).get(ANSWER) or {}
    return control.get("type") == "Choices" and set(ANSWERS) <= set(control.get("labels") or ())
