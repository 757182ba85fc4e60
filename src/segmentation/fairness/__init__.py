"""Floor 5: the only room that sees sensitive attributes; assesses, and gates publication.

Belongs here: groups, audit, verdict, and what a mitigation may know of groups. Does not belong here:
anything that changes a single customer's score or step.

``segmentation.fairness.audit(scores, truth, groups, ...)`` assesses any table (``table_audit``).
"""


def __getattr__(name: str) -> object:
    """Return the public function ``audit``, loaded when it is first asked for."""
    if name == "audit":
        from segmentation.fairness.table_audit import audit

        return audit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
