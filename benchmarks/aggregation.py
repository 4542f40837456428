"""What several replies to one question gain over one, on answers and confidences that real models stated.

BoolQ as eleven language models answered it: yes or no, so that who was right says who agreed. Each question
is aggregated over three and five of the models, drawn anew, and over all eleven; beside each other, three
ways to make a confidence of the replies.

    CALIB_REAL_DATA=… python benchmarks/aggregation.py
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from calib.elicit import Aggregate, Parsed, Reply, aggregate
from calib.measure import Measurement, measure

Question = dict[str, tuple[float, bool]]  # by model: the confidence that it stated, and whether it was right


def questions(folder: Path) -> list[Question]:
    """Every question of the set that all models answered with a usable confidence."""
    table = pq.read_table(folder / "llm_multiqa_verbal.parquet").to_pylist()
    found: dict[str, Question] = defaultdict(dict)
    for row in table:
        confidence = row["raw_confidence"]
        if row["segment"] == "boolq_valid" and confidence is not None and 0 <= confidence <= 1:
            found[row["prediction_id"].split("/", 1)[1]][row["stream"]] = (confidence, bool(row["correct"]))
    models = {model for question in found.values() for model in question}
    return [question for _, question in sorted(found.items()) if len(question) == len(models)]


def together(question: Question, models: list[str], rng: np.random.Generator) -> tuple[Aggregate, bool]:
    """The models' replies as one, and whether that is right; which of yes and no was right is drawn."""
    right, wrong = ("yes", "no") if rng.random() < 0.5 else ("no", "yes")
    replies = [
        Reply(
            answer=right if question[model][1] else wrong,
            confidence=Parsed(value=question[model][0], source="label", reason=None),
        )
        for model in models
    ]
    found = aggregate(replies)
    return found, found.answer == right


def weighted_share(found: Aggregate) -> float:
    """The answer's share of all confidence that was stated (Avg-Conf of Xiong et al. 2024)."""
    stated = [group.replies * (group.confidence or 0) for group in found.groups]
    return stated[0] / sum(stated) if sum(stated) else 0.5


def measured(asked: list[Question], n: int | None, seed: int = 0) -> dict[str, Measurement]:
    """Each way to make a confidence, over the same draws of `n` models; None: all of them."""
    rng = np.random.default_rng(seed)
    scores: dict[str, list[float]] = defaultdict(list)
    correct = []
    for question in asked:
        models = sorted(question)
        chosen = models if n is None else list(rng.choice(models, n, replace=False))
        found, right = together(question, chosen, rng)
        correct.append(right)
        scores["agreement x stated (calib)"].append(found.confidence or 0)
        scores["agreement alone"].append(found.agreement or 0)
        scores["share of stated"].append(weighted_share(found))
    return {way: measure(values, correct) for way, values in scores.items()}


def singles(asked: list[Question]) -> dict[str, Measurement]:
    """Each model by itself."""
    return {
        model: measure([q[model][0] for q in asked], [q[model][1] for q in asked])
        for model in sorted(asked[0])
    }


def show(name: str, found: Measurement) -> None:
    ece, auroc = found.ece, found.auroc
    assert auroc is not None
    print(
        f"{name:34} {found.accuracy.value:.3f}  {ece.estimate:.3f} ({ece.low:.3f} to {ece.high:.3f})  "
        f"{auroc.value:.3f} ({auroc.low:.3f} to {auroc.high:.3f})  {found.brier.value:.4f}"
    )


if __name__ == "__main__":
    asked = questions(Path(os.environ["CALIB_REAL_DATA"]))
    print(f"{len(asked)} questions\n{'':34} acc.   ECE (95%)                AUROC (95%)              Brier")
    for name, found in singles(asked).items():
        show(f"1 reply: {name}", found)
    for n in (3, 5, None):
        for way, found in measured(asked, n).items():
            show(f"{n or 11} replies: {way}", found)
