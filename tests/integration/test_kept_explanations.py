"""Explanations kept with answers, on both databases: nobody else's, and nothing that may no longer be read."""

import uuid
from dataclasses import asdict, replace
from typing import Any

import pytest
from sqlalchemy import func, select

from retrieval.errors import NotFoundError
from retrieval.types import Answer, Explanation, Mode, Outcome, Place, Principal, Source
from services.api import explaining, presenting, schemas
from services.db.conversations import Conversations, Exchange
from services.db.database import Database
from services.db.documents import Documents
from services.db.models import AnswerExplanation
from services.db.registry import SqlRegistry
from tests.integration.test_registry import ANN, BOB, handbook, make_ready, someone

CONVERSATION = str(uuid.uuid4())
WORDS = "The vault's word is xanthocroid."


def registered(database: Database, owner: Principal, *names: str, grants: tuple[str, ...]) -> list[str]:
    """Ready documents of these titles."""
    ids = []
    for name in names:
        change = Documents(database).register(handbook(external_id=name, title=name, grants=grants), owner)
        make_ready(database, change)
        ids.append(change.row.document.id)
    return ids


def place(rank: int, document_id: str) -> Place:
    return Place(
        rank=rank, score=0.03, document_id=document_id, version=1, page=None, start=0, end=len(WORDS), dense_rank=rank,
        dense_score=0.8, sparse_rank=None, fused_rank=rank,
    )  # fmt: skip


def answer_from(document_id: str) -> Answer:
    source = Source(
        number=1, document_id=document_id, version=1, title="Vault", url=None, data_source="uploads",
        external_id="vault", page=None, heading_path=(), start=0, end=len(WORDS), text=WORDS, modified_at=None,
    )  # fmt: skip
    return Answer(str(uuid.uuid4()), CONVERSATION, Outcome.ANSWERED, Mode.EXTRACTIVE, WORDS, (), (source,))


def kept(database: Database, who: Principal, answer: Answer, explanation: Explanation | None) -> str:
    shown: dict[str, Any] = presenting.answer(answer).model_dump(mode="json")
    as_stored = explaining.stored(explanation) if explanation else None
    Conversations(database).add(CONVERSATION, who, Exchange("What?", answer.text, shown, as_stored))
    return answer.id


def read(database: Database, who: Principal, answer_id: str) -> schemas.Explanation:
    recorded = Conversations(database).recorded(answer_id, who)
    return explaining.of_answer(recorded, SqlRegistry(database), who)


def test_an_explanation_comes_back_as_it_was_recorded_with_the_titles_of_now(database: Database) -> None:
    ann = someone(database, ANN)
    first, second = registered(database, ann, "one", "two", grants=("everyone",))
    made = Explanation(
        "what", (place(1, first), place(2, second)), 3, {"embed": 1.5, "rerank": 9.0}, 0.7, 0.45, "words"
    )
    shown = read(database, ann, kept(database, ann, answer_from(first), made))
    assert (shown.recorded, shown.query, shown.withheld, shown.dropped) == (True, "what", 0, 3)
    assert shown.timings_ms == {"embed": 1.5, "rerank": 9.0}
    assert [hit.title for hit in shown.hits] == ["one", "two"]
    assert shown.hits[1].model_dump() == {**asdict(place(2, second)), "title": "two"}
    assert shown.answer is not None
    assert (shown.answer.sufficiency, shown.answer.threshold, shown.answer.mode) == (0.7, 0.45, "extractive")
    assert shown.answer.prompt_version == "words"


def test_no_text_of_a_passage_is_kept_a_second_time(database: Database) -> None:
    ann = someone(database, ANN)
    (vault,) = registered(database, ann, "vault", grants=("everyone",))
    kept(database, ann, answer_from(vault), Explanation("what", (place(1, vault),)))
    with database.read() as session:
        row = session.scalars(select(AnswerExplanation)).one()
    assert "xanthocroid" not in repr(row.explanation)
    assert set(row.explanation["hits"][0]) == set(asdict(place(1, vault)))


@pytest.mark.parametrize("how", ["grants", "deleted"])
def test_hits_that_may_no_longer_be_read_are_only_counted(database: Database, how: str) -> None:
    ann, bob = someone(database, ANN), someone(database, BOB)
    (open_to_all,) = registered(database, ann, "open", grants=("everyone",))
    (secret,) = registered(database, ann, "secret", grants=(f"user:{BOB}",))
    made = Explanation("what", (place(1, secret), place(2, open_to_all)))
    answer_id = kept(database, bob, answer_from(open_to_all), made)
    assert read(database, bob, answer_id).withheld == 0
    if how == "grants":
        Documents(database).set_grants(secret, (f"user:{ANN}",), ann)
    else:
        Documents(database).delete(secret, ann)
    shown = read(database, bob, answer_id)
    assert (shown.withheld, [hit.title for hit in shown.hits], shown.query) == (1, ["open"], "what")
    assert secret not in shown.model_dump_json()
    assert "secret" not in shown.model_dump_json()


def test_a_query_that_may_repeat_words_of_a_lost_document_is_withheld(database: Database) -> None:
    ann, bob = someone(database, ANN), someone(database, BOB)
    (vault,) = registered(database, ann, "vault", grants=(f"user:{BOB}",))
    (menu,) = registered(database, ann, "menu", grants=("everyone",))
    first = kept(database, bob, answer_from(vault), Explanation("first", (place(1, vault),)))
    second = kept(database, bob, answer_from(menu), Explanation("the word xanthocroid", (place(1, menu),)))
    assert read(database, bob, second).query == "the word xanthocroid"
    Documents(database).set_grants(vault, (f"user:{ANN}",), ann)
    assert read(database, bob, second).query is None
    assert [hit.title for hit in read(database, bob, second).hits] == ["menu"]
    assert read(database, bob, first).query == "first", "a first question is the asker's own words"


def test_an_answer_made_before_explanations_were_kept_says_so(database: Database) -> None:
    ann = someone(database, ANN)
    (one,) = registered(database, ann, "one", grants=("everyone",))
    shown = read(database, ann, kept(database, ann, answer_from(one), None))
    assert (shown.recorded, shown.query, shown.dropped, shown.hits) == (False, None, None, [])
    assert shown.answer is not None
    assert (shown.answer.outcome, shown.answer.sufficiency) == ("answered", None)


def test_what_a_later_release_adds_to_an_explanation_does_not_hinder_reading_it(database: Database) -> None:
    ann = someone(database, ANN)
    (one,) = registered(database, ann, "one", grants=("everyone",))
    answer = answer_from(one)
    later = explaining.stored(Explanation("what", (place(1, one),))) | {"feathers": 3}
    later["hits"] = [{**hit, "colour": "red"} for hit in later["hits"]]
    shown = presenting.answer(answer).model_dump(mode="json")
    Conversations(database).add(CONVERSATION, ann, Exchange("What?", answer.text, shown, later))
    assert [hit.title for hit in read(database, ann, answer.id).hits] == ["one"]


def test_a_foreign_and_a_missing_answer_are_the_same_error(database: Database) -> None:
    ann, bob = someone(database, ANN), someone(database, BOB)
    (one,) = registered(database, ann, "one", grants=("everyone",))
    answer_id = kept(database, ann, answer_from(one), Explanation("what", (place(1, one),)))
    said = set()
    for wanted in (answer_id, str(uuid.uuid4())):
        with pytest.raises(NotFoundError) as caught:
            Conversations(database).recorded(wanted, bob)
        said.add((caught.value.code, caught.value.message))
    assert len(said) == 1


def test_a_deleted_conversation_takes_its_explanations_with_it(database: Database) -> None:
    ann = someone(database, ANN)
    (one,) = registered(database, ann, "one", grants=("everyone",))
    kept(database, ann, answer_from(one), replace(Explanation("what"), hits=(place(1, one),)))
    Conversations(database).delete(CONVERSATION, ann)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(AnswerExplanation)) == 0
