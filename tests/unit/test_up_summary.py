"""What `footnote up` says once it is ready. The parts and the sample company are stood in for."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from retrieval.errors import FootnoteError, NotFoundError
from services.bootstrap import CLI_FILE
from services.embedded import up
from services.embedded.supervisor import UpPlan
from services.settings import Settings

LINK = "http://assistant.example.com/sign-in#token=once"


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, str]]:
    """The rows of the summary, for the host that the API listens on."""
    (tmp_path / CLI_FILE).write_text(json.dumps({"url": "http://assistant.example.com", "key": "fn_key"}))
    plans: list[UpPlan] = []

    def run(plan: UpPlan) -> int:
        plans.append(plan)
        return 0

    monkeypatch.setattr(up, "run", run)
    monkeypatch.setattr(up, "_run_verb", lambda *_: f"{LINK}\n")

    def rows(host: str) -> dict[str, str]:
        settings = Settings(data_dir=tmp_path, host=host, port=8123, public_url="http://assistant.example.com")
        assert up.run_all(settings, sample=True) == 0
        return dict(plans[-1].when_ready())

    return rows


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8123"),
        ("0.0.0.0", "http://127.0.0.1:8123"),
        ("::", "http://[::1]:8123"),
        ("10.0.0.7", "http://10.0.0.7:8123"),
    ],
)
def test_the_sample_goes_where_the_api_listens_whatever_people_are_told(
    summary: Callable[[str], dict[str, str]], monkeypatch: pytest.MonkeyPatch, host: str, address: str
) -> None:
    sent: list[tuple[str, str]] = []

    def load_sample(url: str, key: str) -> int:
        sent.append((url, key))
        return 7

    monkeypatch.setattr(up, "load_sample", load_sample)
    rows = summary(host)
    assert sent == [(address, "fn_key")]
    assert rows["Sample company"] == "7 documents are ready"
    assert up.FIRST_QUESTION in rows["Try"]


@pytest.mark.parametrize("error", [NotFoundError("There is no sample."), FootnoteError("No server answers.")])
def test_the_sign_in_link_is_said_although_the_sample_cannot_be_loaded(
    summary: Callable[[str], dict[str, str]], monkeypatch: pytest.MonkeyPatch, error: FootnoteError
) -> None:
    def load_sample(*_: str) -> int:
        raise error

    monkeypatch.setattr(up, "load_sample", load_sample)
    assert summary("127.0.0.1") == {"Sign in (once)": LINK, "Sample company": f"not loaded: {error.message}"}
