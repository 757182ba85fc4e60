"""Models as text: what was trained is kept with a hash.

Belongs here: writing boosted models. Does not belong here: training (heads, hazards), files.
"""

import re
from collections.abc import Iterable, Mapping

import polars as pl

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
    scores silently: hold it against its hash before you read it.
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


def _tree_hazards(hazard: Hazard) -> list[TreeHazard]:
    if isinstance(hazard, MeanHazard):
        return [part for inner in hazard.hazards for part in _tree_hazards(inner)]
    return [hazard] if isinstance(hazard, TreeHazard) else []
