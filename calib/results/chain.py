"""The object that `calib chain --json` prints."""

from __future__ import annotations

from dataclasses import dataclass

from calib.json_object import Json
from calib.results.codec import to_json
from calib.results.file_read import FileRead
from calib.results.measured import EceInterval, Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedChains(EceInterval):
    """The ECE of the mapped products on chains that the mapping has not seen, and the mapping's curve."""

    mapping: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainResult(FileRead):
    """A file of steps, by chain.

    `labelled`: chains with one label; `contradicted`: chains whose rows disagree. `steps`: how many chains
    have so many steps. `product`: the products of the steps' confidences, measured. `calibrated` is None
    where the labels do not suffice, and `labels_needed` says how many are missing.
    """

    chains: int
    labelled: int
    contradicted: int
    steps: dict[str, int]
    product: Measured
    calibrated: CalibratedChains | None
    labels_needed: int

    def to_json(self) -> Json:
        """The object of `calib chain`; its schema is `docs/reference/json/chain.schema.json`."""
        return to_json(self)
