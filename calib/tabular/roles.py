"""Which column of a labelled file is what: as it was asked for, else by its usual names, and said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from calib.errors import InvalidInput
from calib.tabular.names import listed, plain, position

# The first name of each is the documented one; finding another is a guess, and said.
USUAL = {
    "confidence": ("confidence", "raw_confidence", "score", "probability"),
    "correct": ("correct", "is_correct", "outcome", "label"),
    "weight": ("weight",),
    "segment": ("segment",),
    "cluster": ("cluster",),
    "trace": ("trace", "trace_id"),
}
OPTIONAL = ("weight", "segment", "cluster")
# Guesses of equal rank: where a file has both, neither is taken.
EQUAL = {"confidence": ("score", "probability"), "correct": ("outcome", "label")}
# What may be a class, and the words in the name of what stands beside it in a classifier's log.
CLASSES = ("outcome", "label")
PREDICTED = {"pred", "preds", "predicted", "prediction", "predictions", "ypred", "yhat", "classified"}
OUTPUTS = ("y_hat", "model_output", "model_label", "model_class", "model_answer", "output_label")
NO_CLASS = {
    "id", "ids", "uuid", "key", "time", "ts", "timestamp", "date", "at", "ms", "prob", "probs", "proba",
    "probability", "probabilities", "score", "scores", "conf", "confidence", "logit", "logits", "logprob",
    "logprobs", "model", "version", "text",
}  # fmt: skip
TRUE = (
    "true_label", "true_class", "y_true", "ground_truth", "truth", "gold", "gold_label", "actual", "target",
)  # fmt: skip
TRUTHS = {
    "prediction": (
        "label",
        "true_label",
        "y_true",
        "target",
        "truth",
        "ground_truth",
        "actual",
        "class",
        "correct",
    ),
    "answer": (
        "correct",
        "correct_answer",
        "key",
        "answer_key",
        "gold",
        "expected",
        "truth",
        "ground_truth",
        "label",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The columns that a caller names, each None where it is to be found.

    `prediction` and `answer` are columns that hold what the model said: an answer is then correct where it is
    what `correct` holds. `paired_by` names the question of each row; it is used only where it is asked for.
    """

    confidence: str | None = None
    correct: str | None = None
    weight: str | None = None
    segment: str | None = None
    cluster: str | None = None
    trace: str | None = None
    prediction: str | None = None
    answer: str | None = None
    paired_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The file's own names of the columns that are used, by role.

    `guessed`: the roles whose column has another name than the documented one. `unasked`: the optional roles
    that are used because the file has their column, and not because somebody named it.
    """

    columns: dict[str, str]
    guessed: tuple[str, ...] = field(default=())
    unasked: tuple[str, ...] = field(default=())

    @property
    def said(self) -> str | None:
        """The column of what the model said, where answers are compared."""
        return self.columns.get("prediction", self.columns.get("answer"))


def roles_of(path: Path, names: Sequence[str], asked: Asked, *, optional: Sequence[str]) -> Roles:
    """Find the columns of a file; `optional` are roles that need not be there.

    Raises `InvalidInput` for a column that is not there or there twice, and for a `label` beside a
    `prediction`: it may be a class, and nothing here guesses whether it is.
    """
    columns: dict[str, str] = {}
    guessed: list[str] = []

    def take(role: str, name: str | None, usual: Sequence[str], *, needed: bool) -> None:
        if name:
            columns[role] = names[position(path, names, name)]
            return
        for candidate in usual:
            alike = [i for i, known in enumerate(names) if plain(known) == candidate]
            if alike:
                _one_alone(path, names, role, alike, candidate)
                columns[role] = names[position(path, names, candidate)]
                if plain(candidate) != usual[0]:
                    guessed.append(role)
                return
        if needed:
            raise InvalidInput(
                f"{path} has none of the columns {', '.join(usual)}; name the right one with --{role}. "
                f"It has {listed(names)}"
            )

    compared = [role for role in ("prediction", "answer") if getattr(asked, role) is not None]
    if len(compared) > 1:
        raise InvalidInput("give --prediction or --answer, not both: one column holds what the model said")
    take("confidence", asked.confidence, USUAL["confidence"], needed=True)
    if compared:
        (role,) = compared
        take("correct", asked.correct, TRUTHS[role], needed=True)
        take(role, getattr(asked, role), (), needed=True)
    else:
        take("correct", asked.correct, USUAL["correct"], needed=True)
        _no_class(path, names, columns["correct"], asked)
    for role in ("weight", "segment", "cluster", "trace"):
        if role in optional:
            take(role, getattr(asked, role), USUAL[role], needed=False)
    if asked.paired_by is not None:
        columns["paired_by"] = names[position(path, names, asked.paired_by)]
    unasked = tuple(role for role in OPTIONAL if role in columns and getattr(asked, role) is None)
    if "trace" not in optional and asked.trace is not None:
        columns["trace"] = asked.trace
    return Roles(columns=columns, guessed=tuple(guessed), unasked=unasked)


def _one_alone(path: Path, names: Sequence[str], role: str, alike: Sequence[int], candidate: str) -> None:
    """Raise `InvalidInput` where two columns have the same right to be the one that nobody named."""
    spelled = [names[i] for i in alike]
    equal = EQUAL.get(role, ())
    if candidate in equal:
        spelled += [name for name in names if plain(name) in equal and name not in spelled]
    if len(set(spelled)) > 1:
        raise InvalidInput(f"{path} has the columns {listed(spelled)}: say which it is with --{role} NAME")


def _no_class(path: Path, names: Sequence[str], correct: str, asked: Asked) -> None:
    if asked.correct is not None or plain(correct) not in CLASSES:
        return
    beside = [name for name in names if is_prediction(name)]
    if beside:
        raise InvalidInput(
            f"{path}: {correct!r} beside {beside[0]!r} may be the true class. If it is, --prediction "
            f"{quote(beside[0])} compares the two; if it says 1 where the model was right, "
            f"--correct {correct}"
        )
    truth = [name for name in names if "_".join(_words(name)) in TRUE]
    if truth:
        raise InvalidInput(
            f"{path}: {correct!r} beside {truth[0]!r} may be the class that the model said. If it is, "
            f"--prediction {correct} --correct {quote(truth[0])} compares the two; if it says 1 where the "
            f"model was right, --correct {correct}"
        )


def is_prediction(name: str) -> bool:
    """Whether a column seems to hold what a model said, and not when, how surely or under which id."""
    words = _words(name)
    predicted = not PREDICTED.isdisjoint(words) or "_".join(words) in OUTPUTS
    return predicted and NO_CLASS.isdisjoint(words[1:])


def _words(name: str) -> list[str]:
    """The words of a name: `y_pred`, `Predicted Class` and `predictedLabel` are two each."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip().strip("\ufeff"))
    return [word for word in re.split(r"[\W_]+", apart.lower()) if word]
