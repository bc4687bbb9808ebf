"""`footnote backup` and `footnote restore` beside `footnote up`: nobody tells them where the parts are."""

import json
import os
import shutil
from pathlib import Path

from tests import private_servers
from tests.integration.test_backup import QUESTION, footnote
from tests.integration.test_up import up


def test_on_one_machine_it_finds_the_running_parts_and_restores_where_nothing_runs(
    tmp_path: Path, model_cache: Path
) -> None:
    origin, target, file = tmp_path / "origin", tmp_path / "target", tmp_path / "monday.tar"
    environments = {}
    for data_dir in (origin, target):
        shutil.copytree(model_cache, data_dir / "models")
        port = str(private_servers.free_port())
        environments[data_dir] = {**os.environ, "FOOTNOTE_DATA_DIR": str(data_dir), "FOOTNOTE_PORT": port}
    nothing = footnote(environments[target], "backup", str(file), code=1)
    assert "There is no Footnote" in nothing.stderr
    note = tmp_path / "keeper.txt"
    note.write_text("The lighthouse keeper is called Moira.")
    with up(environments[origin], origin):
        footnote(environments[origin], "ingest", str(note), "--grant", "everyone")
        assert (origin / "run" / "addresses.json").stat().st_mode & 0o777 == 0o600
        footnote(environments[origin], "backup", str(file))
        refused = footnote(environments[origin], "restore", str(file), "--replace", code=1)
        assert "stop it" in refused.stderr
    assert not (origin / "run" / "addresses.json").exists()
    restored = footnote(environments[target], "restore", str(file))
    assert "Clean" in restored.stdout
    again = json.loads(footnote(environments[target], "restore", str(file), "--replace", "--json").stdout)
    assert (again["clean"], again["chunks"], again["repaired"]) == (True, 1, {})
    with up(environments[target], target):
        answer = json.loads(footnote(environments[target], "ask", QUESTION, "--json").stdout)
        assert "Moira" in answer["text"]
