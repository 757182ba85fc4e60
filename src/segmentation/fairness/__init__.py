"""Floor 5: the only room that sees sensitive attributes; assesses, and gates publication.

Belongs here: groups, audit, verdict. Does not belong here: anything that changes a single
customer's score or step.
"""
