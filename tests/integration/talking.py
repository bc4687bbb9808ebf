"""A whole assistant beside a scripted model server, with a document for everybody and one for human resources."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests import system
from tests.integration.test_journeys import POLICY
from tests.scripted_model import Hangs, Says, ScriptedModel, scripted_model
from tests.system import System

QUESTION = "How many days a week may I work remotely?"
SAYS = Says("Employees may work remotely up to three days a week [1].")
SECRET = b"# Bonus\n\nThe signing bonus of a new manager is 4000 euros, paid with the first salary.\n"
BONUS = "How many euros is the signing bonus of a new manager?"
SAYS_BONUS = Says("The signing bonus of a new manager is 4000 euros [1].")
NOTHING = "What is the boiling point of tungsten hexafluoride?"


@dataclass(frozen=True)
class Talking:
    """The assistant, its model, its documents' ids, and two people: Ann in human resources, Bob not."""

    system: System
    model: ScriptedModel
    policy: str
    bonus: str
    ann: str
    bob: str

    def answers(self) -> float:
        """How many answers were finished so far."""
        lines = self.system.admin.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("footnote_answers_total{"))

    @contextmanager
    def nobody_waits(self) -> Iterator[None]:
        """What happens inside leaves a model that hangs; it must be freed, and no answer be made for nobody.

        A model that only our time-outs freed would be followed by an extractive answer.
        """
        before = self.answers()
        self.model.does(Hangs(text="Employees may"))
        yield
        assert self.model.idle()
        self.model.does(SAYS)
        asked = self.system.admin.post("/v1/ask", json={"question": QUESTION})
        assert asked.json()["mode"] == "generated"
        assert self.answers() == before + 1


@contextmanager
def talking(folder: Path, model_cache: Path) -> Iterator[Talking]:
    """Start it, with the documents ready."""
    with scripted_model() as model:
        settings = {"FOOTNOTE_LLM_URL": model.url, "FOOTNOTE_LLM_MODEL": "llama-3.1"}
        with system.running(system.ONE_MACHINE, folder, model_cache, **settings) as started:
            policy = started.send("remote.md", POLICY, title="Remote work policy", grants=["everyone"])
            bonus = started.send("bonus.md", SECRET, title="Signing bonus", grants=["group:hr"])
            assert (policy["state"], bonus["state"]) == ("ready", "ready")
            ann = key_of(started.person("ann@example.com", "hr"))
            bob = key_of(started.person("bob@example.com"))
            yield Talking(started, model, policy["id"], bonus["id"], ann, bob)


def key_of(client: httpx.Client) -> str:
    """The key that a client shows."""
    return str(client.headers["authorization"].removeprefix("Bearer "))
