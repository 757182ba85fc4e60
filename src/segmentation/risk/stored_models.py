"""Models as text: what was trained is kept with a hash, and is not loaded when it does not fit the hash.

Belongs here: writing and reading of boosted models. Does not belong here: training (heads, hazards), files.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from segmentation.domain.errors import IntegrityError
from segmentation.domain.hashing import hash_text
from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.risk.candidates import Candidate, HeadedHazard
from segmentation.risk.hazards import Hazard, MeanHazard, TreeHazard
from segmentation.risk.heads import TreeHead


def store_models(candidates: Mapping[str, Candidate], speakers: Iterable[str]) -> pl.DataFrame:
    """Return the boosted models behind those who speak, as LightGBM text with its SHA-256 (pred_model).

    Notes
    -----
    Text and not pickle: a pickle can run code when it is read. A damaged text can crash LightGBM or change
    scores silently; ``load_booster`` checks the hash first.
    """
    rows = []
    for name in sorted(set(speakers)):
        candidate = candidates[name]
        if not isinstance(candidate, HeadedHazard):
            continue
        boosters = [("late", head.booster) for head in candidate.heads if isinstance(head, TreeHead)]
        boosters += [("payment_day", hazard.booster) for hazard in _tree_hazards(candidate.hazard)]
        for part, booster in boosters:
            # The number of threads changes no tree, and must not change the hash.
            content = re.sub(r"^\[num_threads: \d+\]\n", "", booster.model_to_string(), flags=re.MULTILINE)
            rows.append({"model": name, "part": part, "content_hash": hash_text(content), "content": content})
    table = ROOM_TABLES["pred_model"]
    return table.conform(pl.DataFrame(rows, schema=table.polars_schema))


def load_booster(content: str, content_hash: str) -> Any:
    """Return the booster written as ``content``.

    Raises
    ------
    IntegrityError
        When the text is not the one that was stored.
    """
    if hash_text(content) != content_hash:
        raise IntegrityError(
            "The text of a model does not fit its hash: it was changed or damaged after training",
            remedy="Train again with a new run; do not use the damaged one.",
        )
    import lightgbm

    return lightgbm.Booster(model_str=content)


def _tree_hazards(hazard: Hazard) -> list[TreeHazard]:
    if isinstance(hazard, MeanHazard):
        return [part for inner in hazard.hazards for part in _tree_hazards(inner)]
    return [hazard] if isinstance(hazard, TreeHazard) else []
