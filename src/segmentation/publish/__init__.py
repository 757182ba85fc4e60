"""Floor 6: the snapshot that others read, and the decisions that they send back.

Belongs here: assembly of published tables, contract, writer, reader, verification, decisions. Knows
only the domain. Does not belong here: computation of scores, segments or steps.
"""
