"""Settings: documented, complete, and unsafe ones refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from retrieval.errors import ForbiddenError, InvalidInputError, NotFoundError
from services.settings import Settings, source_secret


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


def test_networks_and_folders_are_lists_with_commas_and_a_wrong_network_is_refused_by_name() -> None:
    settings = Settings(connector_networks="10.1.0.0/16, fd00::/8", connector_folders="/srv/a,/srv/b ,")
    assert [str(network) for network in settings.networks] == ["10.1.0.0/16", "fd00::/8"]
    assert settings.folders == (Path("/srv/a"), Path("/srv/b"))
    assert (Settings().networks, Settings().folders, Settings().readers) == ((), (), frozenset())
    with pytest.raises(ValidationError) as refused:
        Settings(connector_networks="10.1.0.1/16")
    assert "FOOTNOTE_CONNECTOR_NETWORKS" in str(refused.value)


def test_proxies_are_addresses_or_networks_and_everybody_is_neither() -> None:
    assert [str(proxy) for proxy in Settings().proxies] == ["127.0.0.1/32", "::1/128"]
    proxies = Settings(trusted_proxies="10.0.0.7, 192.168.255.0/24").proxies
    assert [str(proxy) for proxy in proxies] == ["10.0.0.7/32", "192.168.255.0/24"]
    for wrong in ("*", "proxy", "10.0.0.7/24"):
        with pytest.raises(ValidationError) as refused:
            Settings(trusted_proxies=wrong)
        assert "FOOTNOTE_TRUSTED_PROXIES" in str(refused.value)


def test_a_data_sources_secret_is_a_private_file_or_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError, match="FOOTNOTE_SOURCE_WIKI_TOKEN"):
        source_secret(tmp_path, "wiki_token")
    monkeypatch.setenv("FOOTNOTE_SOURCE_WIKI_TOKEN", "from the environment")
    assert source_secret(tmp_path, "wiki_token") == "from the environment"
    (tmp_path / "secrets").mkdir()
    file = tmp_path / "secrets" / "wiki_token"
    file.write_text("from the file\n")
    file.chmod(0o600)
    assert source_secret(tmp_path, "WIKI_TOKEN") == "from the file"
    file.chmod(0o644)
    with pytest.raises(ForbiddenError, match="chmod 600"):
        source_secret(tmp_path, "wiki_token")
    for name in ("../db", "a/b", "", "a b", "1"):
        with pytest.raises(InvalidInputError):
            source_secret(tmp_path, name)
