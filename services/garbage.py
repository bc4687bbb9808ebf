"""How often Python looks for garbage in cycles. Knows nothing of what makes any.

Left alone, Python looks through everything that a process holds, again and again while that loads its libraries, and
now and then afterwards. In the API that takes tenths of a second, in which the process does nothing else: a search or a
stream that meets it waits. What was loaded is never garbage, so it need not be looked through.
"""

import gc

# Objects that are made and not ended between two looks at the youngest; Python's own figure is 700.
ROUND = 5_000


def collect_less() -> None:
    """For every process, before it loads anything large: of its start, most is no garbage."""
    gc.set_threshold(ROUND, *gc.get_threshold()[1:])


def settle() -> None:
    """For a process that runs on, when it has loaded what it works with: that stays and is left out from then on.

    Before a fork it also keeps children from copying every page that is looked through.
    """
    gc.collect()
    gc.freeze()
