"""Loaded last by the process that forks: its forks need not look for garbage among what it has imported.

Each collection would walk, and so copy, all of it: half of the work of a start.
"""

import gc

gc.collect()
gc.freeze()
