"""The features as a table for readers, written from their definitions.

Belongs here: Markdown. Does not belong here: what a feature means (``definitions``).
"""

from collections.abc import Iterable

from segmentation.features.definitions import FEATURES, Feature
from segmentation.features.reasons import REASON_SENTENCES


def render_feature_table(features: Iterable[Feature] = FEATURES) -> str:
    """Return the features as Markdown, one table for each reason group, in order of definition."""
    chosen = tuple(features)
    parts = []
    for group, sentence in REASON_SENTENCES.items():
        members = [feature for feature in chosen if feature.reason_group is group]
        if not members:
            continue
        rows = [
            f"| `{f.name}` | {f.unit} | {f.window} | {f.description} | {f.null_rule} | {f.scope} |"
            for f in members
        ]
        parts.append(
            "\n".join(
                [
                    f"### {group}",
                    "",
                    sentence,
                    "",
                    "| feature | unit | window | meaning | null | about |",
                    "|---|---|---|---|---|---|",
                    *rows,
                ]
            )
        )
    return "\n\n".join(parts) + "\n"
