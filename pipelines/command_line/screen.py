"""The terminal that verbs print to.

Belongs here: how text is shown. Does not belong here: what is said (reports, customer_report).
"""

from rich.console import Console


def open_screen(*, stderr: bool = False) -> Console:
    """Return a console that shows identifiers, names and paths as they are.

    An id may look like rich's markup (``[/1]``) or its emoji codes (``:100:``); what is to be bold or coloured is a ``Text``.
    """
    return Console(stderr=stderr, markup=False, emoji=False)
