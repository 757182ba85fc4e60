"""Floor 2: what was known about a customer at one moment, and only that.

Belongs here: definitions of features and their computation. Does not belong here: outcomes,
models, or any sensitive column.
"""
