"""How many cores a process counts as its own, from the files in which Linux tells of control groups."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retrieval.cores import cores
from services.cli import app
from services.settings import Settings
from services.wiring.core import for_worker_child


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 64 cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)


def counted(tmp_path: Path, own: str, files: dict[str, str]) -> int:
    mounted = tmp_path / "cgroup"
    for name, text in files.items():
        (mounted / name).parent.mkdir(parents=True, exist_ok=True)
        (mounted / name).write_text(text + "\n")
    (tmp_path / "own").write_text(own + "\n")
    return cores(mounted=mounted, own=tmp_path / "own")


@pytest.mark.parametrize(
    ("said", "expected"),
    [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("9900000 100000", 64), ("max 100000", 64)],
)
def test_a_containers_share_of_time_counts(tmp_path: Path, said: str, expected: int) -> None:
    assert counted(tmp_path, "0::/", {"cpu.max": said}) == expected


def test_the_smallest_share_of_all_groups_above_ours_holds(tmp_path: Path) -> None:
    shares = {
        "kube/cpu.max": "300000 100000",
        "kube/pod/cpu.max": "800000 100000",
        "kube/pod/app/cpu.max": "max 100000",
    }
    assert counted(tmp_path, "0::/kube/pod/app", shares) == 3


def test_a_path_of_the_host_leads_to_what_is_mounted(tmp_path: Path) -> None:
    assert counted(tmp_path, "0::/docker/4f5e", {"cpu.max": "200000 100000"}) == 2


@pytest.mark.parametrize(("quota", "expected"), [("250000", 3), ("-1", 64)])
def test_the_first_version_of_control_groups_counts_too(tmp_path: Path, quota: str, expected: int) -> None:
    own = "7:memory:/\n4:cpu,cpuacct:/docker/4f5e\n0::/"
    shares = {"cpu/docker/4f5e/cpu.cfs_quota_us": quota, "cpu/docker/4f5e/cpu.cfs_period_us": "100000"}
    assert counted(tmp_path, own, shares) == expected


@pytest.mark.parametrize("said", ["", "nonsense", "1 0", "1 2 3"])
def test_what_cannot_be_read_is_no_limit(tmp_path: Path, said: str) -> None:
    assert counted(tmp_path, "no control group", {"cpu.max": said}) == 64
    assert cores(mounted=tmp_path / "nowhere", own=tmp_path / "nowhere") == 64


@pytest.mark.parametrize(("said", "expected"), [((4, 0), 2), ((3, 0), 3), ((1, 0), 0), ((4, 5), 5)])
def test_a_workers_children_share_the_cores(
    said: tuple[int, int], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.wiring.core.cores", lambda: 7)
    children, threads = said
    settings = Settings(worker_concurrency=children, threads=threads)
    assert for_worker_child(settings).threads == expected
    assert settings.threads == threads


def test_the_worker_gives_each_child_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Settings] = []
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FOOTNOTE_WORKER_CONCURRENCY", "2")
    monkeypatch.setattr("services.cli.configure_logging", lambda *_: None)
    monkeypatch.setattr("services.wiring.core.cores", lambda: 4)
    monkeypatch.setattr("services.wiring.worker.job_runner", lambda settings, _: built.append(settings))
    monkeypatch.setattr("services.worker.tasks.register", lambda _, build: build(lambda: False))
    monkeypatch.setattr("services.worker.tasks.serve", lambda *_, **__: None)
    assert CliRunner().invoke(app, ["worker"]).exit_code == 0
    assert [settings.threads for settings in built] == [2]
