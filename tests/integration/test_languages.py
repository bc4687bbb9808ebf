"""Questions in other languages, with slips of the pen and about identifiers, over HTTP and in both sizes.

The embedding model is the bundled one, which learned English: what is found here in other languages is found by BM25.
And an index that was written by the first recipe, which is searched with that until `footnote reindex`.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from retrieval.index import ChunkIndex
from retrieval.retriever import Retriever
from retrieval.sparse import RECIPE
from retrieval.types import EVERYONE, Hit
from services.db.generations import Generations
from services.db.models import Generation
from services.db.registry import SqlRegistry
from services.reindexing.reindexer import Reindexer, Told
from services.reindexing.texts import Texts
from services.settings import Settings
from services.wiring.core import Core
from tests.integration.workshop import Workshop, parsed
from tests.system import System

SOURCE = "languages"
DOCUMENTS = {
    "leave": "Parental leave lasts twelve weeks. Ask your manager for it two months before the birth of the child.",
    "expenses": "Reimbursement of travel costs is paid within ten days. Attach every receipt to the claim.",
    "incident": "INC-1042 was an outage of the mail server. It was repaired by exchanging a power supply.",
    "incident-next": "INC-1043 was an outage of the file server. It was repaired by exchanging a disk.",
    "release": "Version v2.3.1 repairs the export of invoices. Install it on every workstation.",
    "release-next": "Version v2.3.2 repairs the import of invoices. Install it on every workstation.",
    "contact": "Questions about payroll go to anna.bee@larkmoor.example, who is in the office on Mondays.",
    "contact-other": "Questions about the garage go to otto.bee@larkmoor.example, who is in the office on Fridays.",
    "kuendigung": "Die Kündigungsfristen der Beschäftigten richten sich nach der Dauer des Vertrages. Sie betragen in "
    "den ersten fünf Jahren einen Monat.",
    "reisekosten": "Die Reisekosten werden nach der Reise abgerechnet. Für die Übernachtungen gelten die Höchstsätze, "
    "die im Anhang stehen.",
    "conges": "Les salariés ont droit à vingt-cinq jours de congés payés par année. Les demandes sont adressées au "
    "responsable du service.",
    "remboursements": "Les remboursements des frais de déplacement sont versés à la fin du mois. Les justificatifs "
    "sont à joindre à la note.",
    "kyuka": "従業員は年間二十日の有給休暇を取得できます。申請は一週間前までに上司へ提出してください。",
    "shucchou": "出張の費用は月末に精算されます。領収書を必ず添付してください。",
    "nianjia": "员工每年可以享受十五天带薪年假。请提前一周向主管提出申请。",
}
QUESTIONS = [
    ("parentl leaev", "leave"),
    ("How long is parnetal leave?", "leave"),
    ("reimbursment", "expenses"),
    ("when are travle costs paid", "expenses"),
    ("INC-1042", "incident"),
    ("What happened in inc-1043?", "incident-next"),
    ("anna.bee@larkmoor.example", "contact"),
    ("otto.bee@larkmoor.example", "contact-other"),
    ("v2.3.1", "release"),
    ("what does v2.3.2 repair", "release-next"),
    ("Wie lang ist die Kündigungsfrist?", "kuendigung"),
    ("Kündigungsfrist", "kuendigung"),
    ("Ku\u0308ndigungsfrist", "kuendigung"),
    ("kundigungsfrist", "kuendigung"),
    ("Kündigungfrist", "kuendigung"),
    ("Wie rechne ich eine Reise mit Übernachtung ab?", "reisekosten"),
    ("Höchstsatz Übernachtung", "reisekosten"),
    ("Combien de jours de congé payé a un salarié ?", "conges"),
    ("congé payé", "conges"),
    ("Quand est-ce que le remboursement des frais est versé ?", "remboursements"),
    ("remboursement déplacement", "remboursements"),
    ("有給休暇", "kyuka"),
    ("出張の領収書", "shucchou"),
    ("带薪年假", "nianjia"),
]


@pytest.fixture(scope="module")
def library(assistant: System) -> System:
    sent = [
        assistant.send(f"{name}.txt", text.encode(), data_source=SOURCE, grants=[EVERYONE], wait=False)
        for name, text in DOCUMENTS.items()
    ]
    for document in sent:
        assert assistant.settled(document["id"])["state"] == "ready"
    return assistant


@pytest.mark.parametrize(("question", "document"), QUESTIONS, ids=[question for question, _ in QUESTIONS])
def test_the_right_document_is_the_first_hit(library: System, question: str, document: str) -> None:
    asked = {"query": question, "top_k": 5, "filters": {"data_sources": [SOURCE]}}
    response = library.admin.post("/v1/search", json=asked)
    assert response.status_code == 200, response.text
    hits = response.json()["hits"]
    assert hits[0]["external_id"] == f"{document}.txt", [hit["external_id"] for hit in hits]


class OldIndex:
    """The documents in an index that a release of the first recipe wrote."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        with shop.database.write() as session:
            session.execute(update(Generation).values(recipe=1))
        jobs = [shop.send(f"{name}.txt", text) for name, text in DOCUMENTS.items()]
        for job in jobs:
            shop.runner().run(job)
        assert {job.state for job in shop.jobs(*jobs)} == {"ready"}

    def reindex(self) -> None:
        outcome = Reindexer(
            database=self._shop.database,
            engines=self._shop.engines,
            texts=Texts(self._shop.blobs, parsed),
            owner="me",
            default_model="words",
            told=Told(say=lambda _: None, progress=lambda kind, done, total: None),
        ).reindex(embedding_model=None, chunk_tokens=None, questions=(), switch=True, even_if_worse=False)
        assert outcome.switched
        assert outcome.generation.recipe == RECIPE
        self._shop.engines.active()

    def hits(self, query: str) -> Sequence[Hit]:
        retriever = Retriever(self._shop.engines.snapshot, SqlRegistry(self._shop.database))
        return retriever.retrieve(query, self._shop.owner).hits

    def first(self, query: str) -> str:
        return self.hits(query)[0].document.external_id

    def places(self, query: str, document: str) -> list[int]:
        """Where BM25 placed the document, if it did."""
        hits = [hit for hit in self.hits(query) if hit.document.external_id == f"{document}.txt"]
        return [hit.sparse_rank for hit in hits if hit.sparse_rank is not None]


@pytest.fixture
def old(shop: Workshop) -> Iterator[OldIndex]:
    yield OldIndex(shop)
    for number in (1, 2):
        ChunkIndex(shop.client, generation=number).drop()


def test_an_index_of_the_first_recipe_is_searched_with_it_until_it_is_made_anew(old: OldIndex) -> None:
    queries = {
        "how long does parental leave last": "leave",
        "reimbursed travel": "expenses",
        "INC-1042": "incident",
        "Kündigungsfristen Beschäftigte": "kuendigung",
    }
    for query, document in queries.items():
        assert old.first(query) == f"{document}.txt"
        assert old.places(query, document) == [1]
    assert old.places("Kündigungsfrist", "kuendigung") == []  # it knew English inflections only
    old.reindex()
    for query, document in queries.items():
        assert old.first(query) == f"{document}.txt"
        assert old.places(query, document) == [1]
    assert old.first("Kündigungsfrist") == "kuendigung.txt"
    assert old.places("Kündigungsfrist", "kuendigung") == [1]


def test_what_is_written_to_an_old_index_is_written_by_its_recipe(old: OldIndex, shop: Workshop) -> None:
    job = shop.send("late.txt", "Bicycles are repaired on Tuesdays.")
    shop.runner().run(job)
    assert old.places("repairing bicycles", "late") == [1]
    old.reindex()
    assert old.places("repairing bicycles", "late") == [1]


def test_an_operator_is_told_of_an_index_of_another_recipe(tmp_path: Path) -> None:
    with closing(Core(Settings(data_dir=tmp_path))) as core:
        core.migrate()
        with core.database.write() as session:
            session.execute(update(Generation).values(recipe=1))
        with capture_logs() as logs:
            core.migrate()
        said = [entry for entry in logs if entry["event"] == "recipe_differs"]
        assert [(entry["in_use"], entry["release"], entry["next"]) for entry in said] == [
            (1, RECIPE, "footnote reindex")
        ]
        assert Generations(core.database).current().generation.recipe == 1
