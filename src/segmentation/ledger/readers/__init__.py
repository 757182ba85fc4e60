"""Readers of formats: bytes of a file in, named sets of text records out.

Belongs here: one module per format, and what makes a file of that format unreadable. Does not belong
here: what the columns mean for the ledger (mappings), types and plausibility (conversion).

Every reader imports its library inside the function that needs it: the command line starts without.
"""
