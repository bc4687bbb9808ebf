"""Keeps a list of parts running: start order, readiness, restarts, a clean stop.

Generic over `Part`; knows nothing of which parts Footnote has. Why this is our own: docs/decisions/0002-supervision.md.
"""

import asyncio
import logging
import os
import signal
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from graphlib import TopologicalSorter
from pathlib import Path

from services.embedded.backoff import Backoff
from services.embedded.lifeline import Lifeline
from services.embedded.part_log import PartLog
from services.embedded.parts import Part

PROBE_EVERY_S = 0.1
STOP_WITHIN_S = 9.0  # `footnote up` promises 10 s

log = logging.getLogger(__name__)


class Supervision:
    """The parts of one run. All methods belong to one event loop."""

    def __init__(self, parts: Sequence[Part], *, log_dir: Path, lifeline: Lifeline) -> None:
        """Raises ValueError for a dependency that is no part, graphlib.CycleError for a circle."""
        self._parts = {part.name: part for part in parts}
        unknown = {name for part in parts for name in part.depends_on} - self._parts.keys()
        if unknown or len(self._parts) != len(parts):
            raise ValueError(f"parts share a name, or depend on unknown ones: {sorted(unknown)}")
        self._waves = _waves(parts)
        self._lifeline = lifeline
        log_dir.mkdir(parents=True, exist_ok=True)
        self._logs = {name: PartLog(log_dir / f"{name}.log") for name in self._parts}
        self._ready = {name: asyncio.Event() for name in self._parts}
        self._running: dict[str, Process] = {}
        self._rescuers = {part.name: part.rescue for part in parts if part.rescue is not None}

    def pid(self, name: str) -> int | None:
        """Process id of a part, None while it is not running."""
        process = self._running.get(name)
        return process.pid if process else None

    async def all_ready(self) -> None:
        """Returns once every part is ready; one that crashes meanwhile is waited for again."""
        while waiting := [event for event in self._ready.values() if not event.is_set()]:
            await waiting[0].wait()

    async def run(self, stop: asyncio.Event, *, when_ready: Callable[[], Awaitable[None]] | None = None) -> None:
        """Keep all parts running until `stop` is set, then end them: dependents first, within STOP_WITHIN_S."""
        keepers = {name: asyncio.create_task(self._keep(part), name=name) for name, part in self._parts.items()}
        announcing = asyncio.create_task(self._announce(when_ready)) if when_ready else None
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({stopping, *keepers.values()}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if announcing:
                announcing.cancel()
            failures = await self._stop(keepers)
        if failures:  # a keeper never returns by itself: this is a defect of ours, not of a part
            raise failures[0]

    def kill(self) -> None:
        """End every part at once, without asking."""
        for process in self._running.values():
            _signal_group(process.pid, signal.SIGKILL)

    async def _announce(self, when_ready: Callable[[], Awaitable[None]]) -> None:
        await self.all_ready()
        await when_ready()

    async def _stop(self, keepers: dict[str, asyncio.Task[None]]) -> list[BaseException]:
        last_word = asyncio.get_running_loop().call_later(STOP_WITHIN_S, self.kill)
        failures: list[BaseException] = []
        for wave in reversed(self._waves):
            tasks = [keepers[name] for name in wave]
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            failures += [end for end in ends if end is not None and not isinstance(end, asyncio.CancelledError)]
        last_word.cancel()
        for part_log in self._logs.values():
            part_log.close()
        return failures

    async def _keep(self, part: Part) -> None:
        """Start the part again and again; ends only by cancellation, and then ends the part."""
        clock = asyncio.get_running_loop().time
        backoff = Backoff()
        while True:
            for name in part.depends_on:
                await self._ready[name].wait()
            started = clock()
            code = await self._run_once(part)
            was_flapping = backoff.flapping
            delay = backoff.crashed(started=started, now=clock())
            self._report(part, code, delay, loudly=backoff.flapping and not was_flapping)
            self._rescue(part)
            await asyncio.sleep(delay)

    def _rescue(self, part: Part) -> None:
        rescue = self._rescuers.get(part.name)
        if rescue is not None and rescue(tuple(self._logs[part.name].tail)):
            del self._rescuers[part.name]

    async def _run_once(self, part: Part) -> int | None:
        """From start to end of one process. The exit status, negative for a signal, None if it could not start."""
        process = await self._start(part)
        if process is None:
            return None
        try:
            await self._become_ready(part, process)
            return await process.wait()
        finally:
            self._ready[part.name].clear()
            await _end(part, process)
            self._lifeline.discard(process.pid)
            self._running.pop(part.name, None)
            self._logs[part.name].settle()

    async def _start(self, part: Part) -> Process | None:
        output = self._logs[part.name].open()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._lifeline.launcher(part.argv),
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                env=dict(part.env),
                start_new_session=True,  # a group of its own to end, and out of reach of the terminal's Ctrl-C
                pass_fds=(self._lifeline.fd,),
            )
        except OSError as error:
            log.error("%s cannot be started: %s", part.name, error)
            return None
        finally:
            os.close(output)
        self._running[part.name] = process
        self._lifeline.add(process.pid)
        log.info("%s started, pid %d", part.name, process.pid)
        return process

    async def _become_ready(self, part: Part, process: Process) -> None:
        """Returns when the part is ready or has ended. One that is never ready is killed, which counts as a crash."""
        clock = asyncio.get_running_loop().time
        started = clock()
        while process.returncode is None:
            if part.ready is None or await part.ready():
                if part.ready is not None:
                    log.info("%s ready after %.1f s", part.name, clock() - started)
                self._ready[part.name].set()
                self._rescuers.pop(part.name, None)  # it can start: what ends it now is something else
                return
            if clock() - started > part.ready_timeout_s:
                log.error("%s is not ready after %.0f s: killing it", part.name, part.ready_timeout_s)
                _signal_group(process.pid, signal.SIGKILL)
                return
            await asyncio.sleep(PROBE_EVERY_S)

    def _report(self, part: Part, code: int | None, delay: float, *, loudly: bool) -> None:
        how = "could not start" if code is None else f"ended by {_signal_name(-code)}" if code < 0 else f"exit {code}"
        log.warning("%s crashed (%s); starting it again in %.1f s", part.name, how, delay)
        if loudly:
            part_log = self._logs[part.name]
            last_lines = "\n".join(f"    {line}" for line in part_log.tail)
            log.error(
                "%s KEEPS CRASHING: five times within a minute. It is tried again each %.0f s. Last words, in %s:\n%s",
                part.name,
                delay,
                part_log.path,
                last_lines,
            )


async def _end(part: Part, process: Process) -> None:
    """Ask the process to stop, then kill what is left of its group. Also right after a crash: children may be left."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.send_signal(part.stop_signal)
        try:
            async with asyncio.timeout(part.stop_grace_s):
                await process.wait()
        except TimeoutError:
            log.warning("%s did not stop within %.0f s: killing it", part.name, part.stop_grace_s)
    _signal_group(process.pid, signal.SIGKILL)
    await process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody left; macOS says PermissionError for zombies
        os.killpg(group, number)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _waves(parts: Sequence[Part]) -> list[tuple[str, ...]]:
    """Names in start order: a wave depends on earlier waves only."""
    sorter = TopologicalSorter({part.name: part.depends_on for part in parts})
    sorter.prepare()
    waves: list[tuple[str, ...]] = []
    while sorter.is_active():
        wave = sorter.get_ready()
        waves.append(wave)
        sorter.done(*wave)
    return waves
