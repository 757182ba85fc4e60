"""Orchestration: the rooms of ``segmentation`` as Dagster assets, and the command line.

Belongs here: definitions, thin assets, checks, schedules, resources, the environment. Does not
belong here: any computation on a ledger; that is in ``segmentation``.
"""
