"""The ``segmentation`` command.

Belongs here: verbs, their options, progress and reports in the terminal. Does not belong here: any
computation; verbs call the pipeline or the library. Heavy libraries are imported inside the verbs,
so that ``--help`` answers at once.
"""
