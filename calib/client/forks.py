"""Which process this is, in the line of forks, and whether obstore can run in it.

Nothing is started when a process is forked: a counter is raised and a flag is set. A service that forks only
to run another program (`subprocess` with `preexec_fn`, uvloop) therefore pays nothing for its clients.
"""

from __future__ import annotations

import os
import sys

count = 0
"""How many forks lie between this process and the first one; compared, it says whether a fork happened."""

obstore_lost = False
"""Whether this process was forked from one that had loaded obstore.

Its threads do not survive a fork, and a call would wait for ever, for a new store too. A process that was
forked while obstore was being imported cannot import it either.
"""

_obstore_wanted = False


def obstore_is_wanted() -> None:
    """To be called before obstore is imported: a fork can happen in the middle of an import."""
    global _obstore_wanted
    _obstore_wanted = True


def _after_fork() -> None:
    global count, obstore_lost
    count += 1
    obstore_lost = obstore_lost or _obstore_wanted or "obstore" in sys.modules


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
