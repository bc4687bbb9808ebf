"""A run's figures as Markdown. Knows nothing of how they came about."""

from collections import Counter
from collections.abc import Sequence

from tests.faults.run import Outcome
from tests.faults.schedule import KILLS

SHOWN = 20
MUST_NOT = ("lost", "duplicate", "torn", "vanished", "phantom", "widened", "missing", "grants", "poison", "internal")


def table(outcome: Outcome) -> str:
    """What held, what did not, and how fast work went on."""
    plan = outcome.plan
    found = Counter(violation.kind for violation in outcome.violations)
    killed = [recovery.seconds for recovery in outcome.recoveries if recovery.kind in KILLS]
    rows = [
        ("size, seed, schedule", f"{plan.size}, {plan.seed}, `{outcome.digest}`"),
        ("documents registered, versions accepted", f"{plan.documents:,}, {outcome.accepted:,}"),
        ("kills, all faults", f"{outcome.kills:,}, {sum(outcome.faults.values()):,} in {outcome.seconds:,.0f} s"),
        ("searches judged, versions swapped meanwhile", f"{outcome.reads:,}, {outcome.swaps:,}"),
        *((f"**{kind}**", f"{found.pop(kind, 0):,}") for kind in MUST_NOT),
        *((f"**{kind}**", f"{count:,}") for kind, count in sorted(found.items())),
        ("killed work taken up again, p50 / p99 / longest", _seconds(killed)),
        *_by_kind(outcome),
        ("killed work never taken up", f"{len(outcome.unrecovered):,}"),
        ("everything rung for again after a wipe, longest", _longest(outcome.requeued)),
        *_calm(outcome),
        ("search p50 / p95 meanwhile", f"{_at(outcome.read_ms, 0.5):.0f} / {_at(outcome.read_ms, 0.95):.0f} ms"),
        ("searches without an answer (503, cut)", f"{sum(outcome.not_answered.values()):,}"),
        ("at the end", ", ".join(f"{count:,} {state}" for state, count in sorted(outcome.states.items()))),
        ("quarantined after three kills, retried and ready", f"{outcome.retried:,}"),
        ("processes that ended by themselves", f"{len(outcome.deaths):,}"),
        ("left out on this machine", ", ".join(sorted(outcome.left_out)) or "nothing"),
    ]
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    return "\n".join([*lines, "", _faults(outcome), *_details(outcome)]) + "\n"


def parts(outcome: Outcome, replay: str) -> list[str]:
    """What stands in docs/faults.md of this run."""
    return [f"### {outcome.plan.size.capitalize()}", f"`{replay}`", table(outcome).strip()]


def _calm(outcome: Outcome) -> list[tuple[str, str]]:
    """What was measured before any fault, where it was."""
    if outcome.kept is None:
        return []
    fresh = f"{_at(outcome.fresh, 0.5):.2f} / {_at(outcome.fresh, 0.95):.2f} s of {len(outcome.fresh)}"
    return [
        ("idle: an update of ten pages is found after, p50 / p95", fresh),
        ("throughput that the others keep beside 40 hostile files", f"{100 * outcome.kept:.0f} %"),
    ]


def _by_kind(outcome: Outcome) -> list[tuple[str, str]]:
    kinds = sorted({recovery.kind for recovery in outcome.recoveries})
    taken = {kind: [r.seconds for r in outcome.recoveries if r.kind == kind] for kind in kinds}
    return [(f"… {kind}", _seconds(seconds)) for kind, seconds in taken.items()]


def _faults(outcome: Outcome) -> str:
    kills = {kind: count for kind, count in outcome.faults.items() if kind in KILLS}
    others = {kind: count for kind, count in outcome.faults.items() if kind not in KILLS}
    lines = [f"Kills: {_listed(kills)}.", f"Stage that a worker was caught in: {_listed(outcome.stages)}."]
    return "\n\n".join([*lines, f"Other faults: {_listed(others)}."])


def _details(outcome: Outcome) -> list[str]:
    shown: list[str] = []
    for title, lines in (
        ("Broken promises", [f"{violation.kind}: {violation.what}" for violation in outcome.violations]),
        ("Not taken up", outcome.unrecovered),
        ("Ended by themselves", [f"{count} × {what}" for what, count in Counter(outcome.deaths).items()]),
    ):
        if lines:
            rest = [f"- … and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
            shown += ["", f"{title}:", "", *(f"- {line}" for line in lines[:SHOWN]), *rest]
    return shown


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def _seconds(values: Sequence[float]) -> str:
    if not values:
        return "nothing was in hand"
    return f"{_at(values, 0.5):.1f} / {_at(values, 0.99):.1f} / {max(values):.1f} s of {len(values):,}"


def _longest(values: Sequence[float]) -> str:
    return f"{max(values):.1f} s of {len(values)} wipes" if values else "no wipe"


def _at(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies (nearest rank)."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)] if values else 0.0
