"""What the confidence of a chain of steps is worth, for a file: what `calib chain` computes."""

from __future__ import annotations

from pathlib import Path

from calib.errors import InvalidInput
from calib.files.reading import Progress, read_fields, silent
from calib.policy import MAX_REJECTED
from calib.results.chain import CalibratedChains, ChainResult
from calib.results.measured import Measured
from calib.routing.measured_chains import measure_chains
from calib.tabular.labelled import Reading, read_steps
from calib.tabular.limits import share_up
from calib.tabular.roles import Asked


def measure_chain_file(
    path: Path, *, asked: Asked | None = None, reading: Reading | None = None, step: Progress = silent
) -> ChainResult:
    """Measure the products of the steps' confidences of a file against the labels of whole chains.

    `asked` names the columns, `reading` says how they are read; `step` is called with what is done next.
    Raises `InvalidInput` for a file that cannot be used, where no chain has a label, and where the rows of
    too many chains disagree.
    """
    step("reading")
    steps = read_steps(path, asked, reading)
    step("measuring")
    try:
        chains = measure_chains(steps.trace.tolist(), steps.scores, steps.correct)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None
    known = chains.contradicted + chains.labelled
    share = MAX_REJECTED if reading is None or reading.allow_rejected is None else reading.allow_rejected
    if chains.contradicted > share * known:
        name = steps.roles.columns["correct"]
        raise InvalidInput(
            f"{path}: column {name!r} says right and wrong within {chains.contradicted:,} of {known:,} "
            "chains: it has to say whether the whole chain was right, so write that on one row of each. At "
            f"most {share:.0%} may be left out; --allow-rejected {share_up(chains.contradicted / known)} "
            "leaves these out"
        )
    calibrated = None
    if chains.mapping is not None and chains.held_out is not None:
        calibrated = CalibratedChains.of(chains.held_out, mapping=chains.mapping.to_json())
    return ChainResult(
        **read_fields(path, steps),
        chains=chains.chains,
        labelled=chains.labelled,
        contradicted=chains.contradicted,
        steps={str(length): count for length, count in chains.steps.items()},
        product=Measured.of(chains.product),
        calibrated=calibrated,
        labels_needed=chains.labels_needed,
    )
