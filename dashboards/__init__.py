"""The dashboard of a credit manager: what to do next, for whom, and why.

Belongs here: pages over published snapshots, and the decisions that people take on them. Does not
belong here: any computation of scores, segments or steps, and any access to the warehouse.
"""
