"""Settings: documented, complete, and unsafe ones refused."""

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from retrieval.errors import ForbiddenError, InvalidInputError, NotFoundError
from services.settings import CHOSEN, GIVEN, Settings, source_secret, unknown_variables, without_password
from services.settings_list import show

REPOSITORY = Path(__file__).parents[2]
# What the secrets of other parties need beside them.
WITH_GIVEN = {
    "originals_url": "s3://originals",
    "originals_access_key": "AKID",
    "originals_secret_key": "s3cr3t",
    "oidc_issuer": "https://login.example.com/acme",
    "oidc_client_id": "footnote",
}
ADDRESSES = {
    "database_url": "postgresql+psycopg://footnote:hunter2-and-more-of-it@db:5432/footnote",
    "broker_url": "rediss://:hunter2-and-more-of-it@broker:6379/0",
    "index_url": "https://reader:hunter2@index:6333",
    "llm_url": "http://a:hunter2@one:8000/v1, http://b:hunter2@two:8000/v1",
    "embedding_url": "http://c:hunter2@three:8000/v1",
}


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


DEFAULTS = ("changeme", "Change-Me-To-Something-Long", "password12345678", "secretsecretsecret", "Footnote-Footnote-1")
FURTHER = ("postgrespostgres", "guest_guest_guest", "minioadmin", "your-password-here", "change_me_1111111111111111")
REPEATED = ("x" * 40, "testtesttesttest", "abababababababab", "passwort" * 2 + "pass", "admin" + "-" * 20)
COUNTED = ("1234567890123456", "9876543210987654", "7890" + "1234567890" * 6)
STRONG = ("footnote_4839201948372019", "Root-83917492017409127409", "changeme_4839201948372019", "a1b2a1b2c3d4c3d4")


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        *((name, secret) for name in (*CHOSEN, *GIVEN) for secret in (*DEFAULTS, *FURTHER)),
        *((name, secret) for name in CHOSEN for secret in (*REPEATED, *COUNTED)),
    ],
)
def test_a_secret_that_anybody_would_try_is_refused_by_name_and_never_shown(name: str, secret: str) -> None:
    with pytest.raises(ValidationError, match=f"FOOTNOTE_{name.upper()} ") as refused:
        Settings(**{**WITH_GIVEN, name: secret})  # type: ignore[arg-type]
    assert secret not in str(refused.value)


@pytest.mark.parametrize("secret", STRONG)
@pytest.mark.parametrize("name", [*CHOSEN, *GIVEN])
def test_a_word_with_enough_beside_it_will_do(name: str, secret: str) -> None:
    assert getattr(Settings(**{**WITH_GIVEN, name: secret}), name).get_secret_value() == secret  # type: ignore[arg-type]


@pytest.mark.parametrize("secret", ["x", "-", "vllm", "EMPTY", "none", "secret", "0000000000000000", *COUNTED])
@pytest.mark.parametrize("name", GIVEN)
def test_what_a_server_of_others_takes_is_theirs_to_choose(name: str, secret: str) -> None:
    assert getattr(Settings(**{**WITH_GIVEN, name: secret}), name).get_secret_value() == secret  # type: ignore[arg-type]


@pytest.mark.parametrize("secret", ["changeme", "minioadmin", "x"])
@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("llm_api_key", "http://127.0.0.1:8000/v1, http://localhost:8001/v1"),
        ("embedding_api_key", "http://[::1]:8000/v1"),
        ("originals_secret_key", "http://localhost:9000"),
        ("oidc_client_secret", "http://127.0.0.1:9000/realms/acme"),
    ],
)
def test_any_key_will_do_for_a_server_on_this_machine(name: str, address: str, secret: str) -> None:
    assert Settings(**{**WITH_GIVEN, GIVEN[name]: address, name: secret})  # type: ignore[arg-type]
    if name == "llm_api_key" and secret == "changeme":
        with pytest.raises(ValidationError, match="FOOTNOTE_LLM_API_KEY is one that anybody would try"):
            Settings(llm_url=f"{address},http://gpu-node:8000/v1", llm_api_key=secret)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://footnote:{}@db:5432/footnote",
        "postgresql+psycopg://footnote@db:5432/footnote?password={}",
        "postgresql+psycopg://footnote:{}@/footnote?host=db.example.com",
        "postgresql+psycopg://footnote:{}@127.0.0.1:5432,db.example.com:5432/footnote",
        "postgresql+psycopg://footnote:{}@/footnote?host=127.0.0.1:5432&host=db.example.com:5432",
        "postgresql+psycopg://footnote:{}@/footnote?host=localhost,db.example.com",
        "postgresql+psycopg://footnote:{}@localhost/footnote?hostaddr=192.0.2.7",
        "postgresql+psycopg://footnote@localhost/footnote?hostaddr=192.0.2.7&password={}",
        "postgresql+psycopg://footnote:{}@db/footnote?application_name=a@b",
        "rediss://:{}@broker.example.com:6379/0",
    ],
)
def test_a_weak_password_in_the_address_of_another_machine_is_refused(address: str) -> None:
    name = "broker_url" if address.startswith("rediss") else "database_url"
    for weak in ("hunter2", "changeme-changeme", "hunt[er2", "[hunter]", "hunt/er2", "hunt@er2", "%63hangeme"):
        with pytest.raises(ValidationError, match=f"The password in FOOTNOTE_{name.upper()} ") as refused:
            Settings(**{name: address.format(weak)})  # type: ignore[arg-type]
        assert weak not in str(refused.value)
    for strong in ("correct-horse-battery-staple", "correct[horse/battery@staple"):
        Settings(**{name: address.format(strong)})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://footnote:hunter2@127.0.0.1:5432/footnote",
        "postgresql+psycopg://footnote:hunter2@[::1]/footnote",
        "postgresql+psycopg://footnote:hunter2@/footnote?host=/run/postgresql",
        "postgresql+psycopg://footnote:hunter2@/footnote?host=127.0.0.1:5432&host=[::1]:5432",
        "postgresql+psycopg://footnote:hunter2@localhost:5432/footnote?hostaddr=::1",
        "postgresql+psycopg://footnote:hunter2@/footnote",
        "postgresql+psycopg://db:5432/footnote?application_name=a@b",
        "sqlite:////srv/footnote/db.sqlite3",
        "postgresql+psycopg://footnote@db/footnote",
    ],
)
def test_a_password_for_this_machine_alone_may_be_short(address: str) -> None:
    assert Settings(database_url=address).database_url == address


def test_the_key_of_our_own_model_server_has_to_be_long_and_a_providers_is_theirs_to_choose() -> None:
    for address in ("http://vllm:8000/v1", "http://127.0.0.1:1/v1,http://vllm/v1"):
        with pytest.raises(ValidationError, match="FOOTNOTE_LLM_API_KEY has fewer than 16 characters"):
            Settings(llm_url=address, llm_api_key="sesame")  # type: ignore[arg-type]
    for address in ("https://vllm.example.com/v1", "http://vllm-2:8000/v1", ""):
        Settings(llm_url=address, llm_api_key="sesame")  # type: ignore[arg-type]


def test_secrets_are_not_in_the_representation() -> None:
    secret = "correct-horse-battery-staple"
    assert secret not in repr(Settings(broker_password=secret))  # type: ignore[arg-type]


def test_passwords_in_addresses_are_shown_nowhere_and_stay_usable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, address in ADDRESSES.items():
        monkeypatch.setenv(f"FOOTNOTE_{name.upper()}", address)
    settings = Settings()
    show(settings, as_json=True)
    listed = capsys.readouterr().out
    show(settings, as_json=False)
    for shown in (repr(settings), str(settings), listed, capsys.readouterr().out):
        assert "hunter2" not in shown
        assert "postgresql+psycopg://footnote:***@db:5432/footnote" in shown
        assert "http://a:***@one:8000/v1, http://b:***@two:8000/v1" in shown
    assert {row["variable"]: row["value"] for row in json.loads(listed)}["FOOTNOTE_BROKER_URL"] == (
        "rediss://:***@broker:6379/0"
    )
    assert {name: getattr(settings, name) for name in ADDRESSES} == ADDRESSES


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:p@ss/w:rd@db/footnote", "postgresql://u:***@db/footnote"),
        ("postgresql://u:a,b c@db/footnote", "postgresql://u:***@db/footnote"),
        ("redis://broker/0?password=hunter2&db=1", "redis://broker/0?password=***&db=1"),
        ("host=db password=hunter2 dbname=footnote", "host=db password=*** dbname=footnote"),
        ("password = 'it\\'s \\\\ & a,b' user=u sslpassword=hunter2", "password = *** user=u sslpassword=***"),
        ("host=db\npassword=a\\ b,c&d'e", "host=db\npassword=***"),
        ("host=db password='never closed dbname=x", "host=db password=***"),
        ("host=db passfile=/etc/pgpass user=password", "host=db passfile=/etc/pgpass user=password"),
        ("http://a:x@one/v1,http://b:y@two/v1", "http://a:***@one/v1,http://b:***@two/v1"),
        ("postgresql://user@db:5432/footnote", "postgresql://user@db:5432/footnote"),
        ("http://127.0.0.1:6333", "http://127.0.0.1:6333"),
        ("admin@localhost", "admin@localhost"),
    ],
)
def test_only_passwords_are_masked(text: str, shown: str) -> None:
    assert without_password(text) == shown


def test_a_refused_value_is_not_repeated() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(database_url=ADDRESSES["database_url"], connector_networks="10.1.0.1/16")
    assert "hunter2" not in str(refused.value)
    with pytest.raises(ValidationError) as refused:
        Settings(port="hunter2")  # type: ignore[arg-type]
    assert "hunter2" not in str(refused.value)


def test_a_misspelt_variable_is_found_with_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LLM_ULR", "APIKEY", "XYZZY", "PORT", "SOURCE_WIKI_TOKEN", "TEST_CHROMIUM", "API_KEY"):
        monkeypatch.setenv(f"FOOTNOTE_{name}", "0")
    assert unknown_variables() == {
        "FOOTNOTE_" + "LLM_ULR": "FOOTNOTE_LLM_URL",
        "FOOTNOTE_" + "APIKEY": "FOOTNOTE_API_KEY",
        "FOOTNOTE_" + "XYZZY": None,
    }


def test_what_kubernetes_tells_of_its_services_is_not_a_misspelt_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_SERVICE_HOST", "API_SERVICE_PORT_HTTP", "API_PORT_8000_TCP_ADDR", "SERVICE_HOST"):
        monkeypatch.setenv(f"FOOTNOTE_{name}", "10.0.0.7")
    monkeypatch.setenv("FOOTNOTE_" + "API_PORT", "tcp://10.0.0.7:8000")
    assert unknown_variables() == {}


def test_every_variable_that_we_speak_of_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = ("deploy", "docs", "ingest", "retrieval", "services", "tests")
    files = [file for folder in folders for file in (REPOSITORY / folder).rglob("*") if file.is_file()]
    texts = [file.read_text() for file in files if file.suffix in {".py", ".md", ".yaml", ".env", ".example", ".sh"}]
    spoken_of = {name for text in texts for name in re.findall(r"\bFOOTNOTE_[A-Z0-9_]*[A-Z0-9]\b", text)}
    assert len(spoken_of) > 30
    for variable in spoken_of:
        monkeypatch.setenv(variable, "")
    assert unknown_variables() == {}


@pytest.mark.parametrize(
    ("host", "public_url", "lacks"),
    [
        ("0.0.0.0", "", True),
        ("::", "", True),
        ("192.168.1.5", "", True),
        ("footnote.internal", "", True),
        ("0.0.0.0", "http://192.168.1.5:8000", False),
        ("127.0.0.1", "", False),
        ("::1", "", False),
        ("localhost", "", False),
    ],
)
def test_an_api_that_others_reach_needs_an_address(host: str, public_url: str, *, lacks: bool) -> None:
    assert Settings(host=host, public_url=public_url).lacks_public_url is lacks


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


def test_a_bucket_has_a_name_and_a_prefix_and_none_is_the_data_directory() -> None:
    assert Settings().bucket is None
    assert Settings(originals_url="s3://originals").bucket == ("originals", "")
    assert Settings(originals_url="s3://originals/footnote/live/").bucket == ("originals", "footnote/live")
    secrets = {"originals_access_key": "AKID", "originals_secret_key": "s3cr3t"}
    settings = Settings(originals_url="s3://originals", **secrets)  # type: ignore[arg-type]
    assert "s3cr3t" not in repr(settings)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"originals_url": "https://s3.example.com/originals"}, "ORIGINALS_URL"),
        ({"originals_url": "s3://Originals"}, "ORIGINALS_URL"),
        ({"originals_url": "s3://original_files"}, "ORIGINALS_URL"),
        ({"originals_url": "s3://key:hunter2@originals"}, "ORIGINALS_URL"),
        ({"originals_url": "s3://originals/a//b"}, "ORIGINALS_URL"),
        ({"originals_url": "s3://originals/../b"}, "ORIGINALS_URL"),
        ({"originals_url": "s3://originals?versionId=hunter2"}, "ORIGINALS_URL"),
        ({"originals_url": "s3://originals", "originals_endpoint": "s3.example.com"}, "ORIGINALS_ENDPOINT"),
        ({"originals_url": "s3://originals", "originals_endpoint": "https://a:hunter2@s3"}, "ORIGINALS_ENDPOINT"),
        ({"originals_url": "s3://originals", "originals_access_key": "AKID"}, "ORIGINALS_SECRET_KEY"),
        ({"originals_url": "s3://originals", "originals_secret_key": "hunter2"}, "ORIGINALS_ACCESS_KEY"),
        ({"originals_endpoint": "https://s3.example.com"}, "ORIGINALS_URL"),
        ({"originals_secret_key": "hunter2"}, "ORIGINALS_URL"),
        ({"originals_url": "s3://originals", "originals_cache_mb": 0}, "originals_cache_mb"),
    ],
)
def test_a_bucket_that_cannot_be_is_refused_by_name(values: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(**values)  # type: ignore[arg-type]
    assert named in str(refused.value)
    assert "hunter2" not in str(refused.value)


OIDC = {"oidc_issuer": "https://login.example.com/acme", "oidc_client_id": "footnote"}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"oidc_issuer": OIDC["oidc_issuer"]}, "FOOTNOTE_OIDC_CLIENT_ID"),
        ({"oidc_client_id": "footnote"}, "FOOTNOTE_OIDC_ISSUER"),
        ({"oidc_client_secret": "a client's secret"}, "FOOTNOTE_OIDC_ISSUER"),
        ({"oidc_audience": "footnote"}, "…_AUDIENCE is set"),
        ({**OIDC, "oidc_issuer": "http://login.example.com"}, "FOOTNOTE_OIDC_ISSUER"),
        ({**OIDC, "oidc_issuer": "login.example.com"}, "FOOTNOTE_OIDC_ISSUER"),
        ({**OIDC, "oidc_issuer": "https://user:pass@login.example.com"}, "FOOTNOTE_OIDC_ISSUER"),
        ({**OIDC, "oidc_issuer": "https://login.example.com/?tenant=1"}, "FOOTNOTE_OIDC_ISSUER"),
        ({**OIDC, "oidc_scopes": "profile email"}, "FOOTNOTE_OIDC_SCOPES"),
        ({"local_sign_in": False}, "FOOTNOTE_LOCAL_SIGN_IN"),
    ],
)
def test_a_sign_in_provider_that_cannot_be_is_refused_by_name(values: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Settings(**values)  # type: ignore[arg-type]


def test_a_sign_in_provider_is_had_by_two_settings_and_its_secret_is_shown_nowhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert Settings(**OIDC, local_sign_in=False).sign_in_domains == frozenset()  # type: ignore[arg-type]
    assert Settings(**{**OIDC, "oidc_issuer": "http://127.0.0.1:9000"})  # type: ignore[arg-type]
    named = Settings(**OIDC, oidc_allowed_domains="Example.com, @example.org", oidc_client_secret="hunter2")  # type: ignore[arg-type]
    assert named.sign_in_domains == {"example.com", "example.org"}
    show(named, as_json=False)
    assert "hunter2" not in capsys.readouterr().out + repr(named)


def test_an_answer_gets_at_least_the_time_of_its_first_token() -> None:
    with pytest.raises(ValidationError, match="FOOTNOTE_LLM_ANSWER_SECONDS"):
        Settings(llm_first_token_seconds=300)
    assert Settings(llm_first_token_seconds=300, llm_answer_seconds=300).llm_answer_seconds == 300
