"""docs/clients.md: its examples are run as they stand, against the sample company, and print what they say.

A `prints: ...` in a comment is what must be in the output; an example without one proves nothing and fails.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.integration.talking import key_of
from tests.system import System

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text()
CORPUS = Path(__file__).parents[1] / "corpus" / "documents"
BLOCKS = [(found[1], found[2]) for found in re.finditer(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
PROGRAMS = [block for block in BLOCKS if block[0] != "json"]
CONFIGURATIONS = [json.loads(text) for language, text in BLOCKS if language == "json"]
COMMANDS = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-W", "error", "-c"]}


@pytest.fixture(scope="module")
def key(assistant: System) -> str:
    """Of somebody who alone may read a few documents of the sample company: other tests share the assistant."""
    titles = {"it-faq": "IT questions and answers", "parental-leave-policy-2026": "Parental leave policy 2026"}
    for file in CORPUS.iterdir():
        if (title := titles.get(file.stem)) is not None:
            document = assistant.send(file.name, file.read_bytes(), title=title, grants=["group:page"])
            assert document["state"] == "ready"
    return key_of(assistant.person("client@example.com", "page"))


def test_the_page_has_examples_of_every_kind() -> None:
    assert {language for language, _ in BLOCKS} == {"bash", "python", "json"}
    assert (len(PROGRAMS), len(CONFIGURATIONS)) == (10, 3)


@pytest.mark.parametrize(
    ("language", "text"), PROGRAMS, ids=[f"{language} {n}" for n, (language, _) in enumerate(PROGRAMS)]
)
def test_an_example_runs_and_prints_what_it_says(
    assistant: System, key: str, tmp_path: Path, language: str, text: str
) -> None:
    environment = os.environ | {"FOOTNOTE_URL": assistant.url, "FOOTNOTE_API_KEY": key}
    ran = subprocess.run(
        [*COMMANDS[language], text],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    promised = re.findall(r"# prints: (.+)$", text, re.MULTILINE)
    assert promised
    assert [words for words in promised if words not in ran.stdout] == [], ran.stdout


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=["claude code", "cursor", "vs code"])
def test_a_configuration_names_what_a_client_needs(
    assistant: System, key: str, configuration: dict[str, dict[str, dict[str, dict[str, str]]]]
) -> None:
    server = (configuration.get("mcpServers") or configuration["servers"])["footnote"]
    headers = {name: re.sub(r"\$\{[^}]+\}", key, str(value)) for name, value in dict(server["headers"]).items()}
    url = str(server["url"]).replace("https://footnote.example.com", assistant.url)

    async def tools() -> set[str]:
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            return {tool.name for tool in (await client.list_tools()).tools}

    assert asyncio.run(tools()) == {"search", "ask", "read_document"}
