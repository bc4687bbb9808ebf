"""Settings: documented, complete, and unsafe ones refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.settings import Settings


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_what_is_not_set_is_completed_but_does_not_count_as_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", "/srv/footnote")
    settings = Settings(host="0.0.0.0", port=81)
    assert settings.database_url == "sqlite:////srv/footnote/db.sqlite3"
    assert settings.public_url == "http://127.0.0.1:81"
    assert settings.data_dir == Path("/srv/footnote")
    assert settings.model_fields_set == {"data_dir", "host", "port"}


def test_a_short_secret_is_refused_by_name_and_never_shown() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(index_api_key="hunter2")  # type: ignore[arg-type]
    assert "FOOTNOTE_INDEX_API_KEY" in str(refused.value)


def test_secrets_are_not_in_the_representation() -> None:
    secret = "correct-horse-battery-staple"
    assert secret not in repr(Settings(broker_password=secret))  # type: ignore[arg-type]
