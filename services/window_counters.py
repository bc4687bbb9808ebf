"""Fixed-window counters: how often each of many things was done within a minute, by this process and by others.

Knows nothing of what is counted or for whom, nor of how others are reached: `services/counter_sharing.py` does that, a
few times a second. So counting never waits, and goes on by what this process has seen where nobody can be asked. A
window begins with what is counted first; twice the limit may come around its end.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

SECONDS = 60.0
# Some 20 MB at most, should somebody make up a name for each request.
MAX_NAMES = 50_000


@dataclass(slots=True, eq=False)
class Counter:
    """One name's count in one window: by all processes when they were last asked, and by this one since."""

    name: str
    ends_at: float
    shared: int = 0
    own: int = 0
    was_full: bool = False

    @property
    def count(self) -> int:
        return self.shared + self.own


@dataclass(frozen=True, slots=True)
class Full:
    """Nothing was counted: the name in this `place` has no room for `ends_in_s` seconds.

    `is_news`: it was not found full before in this window.
    """

    place: int
    ends_in_s: float
    is_news: bool


class WindowCounters:
    """The counters of all names; safe to use from several threads. `clock` is in seconds and never goes back."""

    def __init__(self, *, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._counters: OrderedDict[str, Counter] = OrderedDict()
        self._changed: dict[str, Counter] = {}
        self._lock = Lock()

    def take(self, wanted: Sequence[tuple[str, int]]) -> list[Counter] | Full:
        """Count one more of each name, if each has had fewer than its limit. What was taken can be given back."""
        with self._lock:
            now = self._clock()
            counters = [self._counter(name, now) for name, _ in wanted]
            for place, (counter, (_, limit)) in enumerate(zip(counters, wanted, strict=True)):
                if counter.count >= limit:
                    is_news, counter.was_full = not counter.was_full, True
                    self._changed[counter.name] = counter  # others may have given some back
                    return Full(place, counter.ends_at - now, is_news)
            for counter in counters:
                self._add(counter, 1)
            return counters

    def give_back(self, taken: Sequence[Counter]) -> None:
        """Count one less of each. Those of a window that has passed count no more."""
        with self._lock:
            for counter in taken:
                if self._counters.get(counter.name) is counter:
                    self._add(counter, -1)

    def news(self) -> dict[str, int]:
        """Names to be asked after, and by how much this process has changed their counts: it is told once."""
        with self._lock:
            changed, self._changed = self._changed, {}
            told = {name: counter.own for name, counter in changed.items()}
            for counter in changed.values():
                counter.shared, counter.own = counter.count, 0
            return told

    def learn(self, known: Mapping[str, tuple[int, float]]) -> None:
        """Take what all processes have counted together, and for how many seconds still; `news` told of this one's."""
        with self._lock:
            now = self._clock()
            for name, (count, left_s) in known.items():
                if (counter := self._counters.get(name)) is not None:
                    counter.shared, counter.ends_at = count, now + left_s

    def _counter(self, name: str, now: float) -> Counter:
        counter = self._counters.get(name)
        if counter is None or counter.ends_at <= now:
            counter = self._counters[name] = Counter(name, now + self.seconds)
        self._counters.move_to_end(name)
        if len(self._counters) > MAX_NAMES:
            self._counters.popitem(last=False)
        return counter

    def _add(self, counter: Counter, number: int) -> None:
        counter.own += number
        self._changed[counter.name] = counter
