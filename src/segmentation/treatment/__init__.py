"""Floor 4: the right step, channel and moment, inside gates that come first.

Belongs here: gates, jurisdictions, calendars, the value of acting, the choice and its reasons. Does
not belong here: sensitive attributes, or any judgement over groups.
"""
