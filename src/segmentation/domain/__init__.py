"""Floor 0: the words, tables, settings and errors of the product.

Belongs here: definitions that every room shares, and pure checks on them. Does not belong here:
anything that reads or writes a file, a database or the clock.
"""
