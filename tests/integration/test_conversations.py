"""Conversations in the registry, on both databases: asked again, added to by several at once, and their titles."""

import threading
import uuid
from collections.abc import Sequence

import pytest
from sqlalchemy import func, select

from retrieval.errors import ConflictError, NotFoundError
from retrieval.types import Principal
from services.db.conversations import NO_MESSAGE, NOT_FOUND, Conversations, Exchange
from services.db.database import Database
from services.db.models import AnswerExplanation, CitedVersion, Feedback, Message
from services.db.titles import UNTITLED
from tests.integration.test_registry import ANN, BOB, someone

FIRST = "Hi, can you tell me who signs travel claims?"


def exchange(question: str) -> Exchange:
    """An answer that cites a document version, with how it was found."""
    source = {"document_id": "d" * 36, "version": 1}
    return Exchange(question, f"Of {question}", {"id": str(uuid.uuid4()), "sources": [source]}, {"query": question})


def talked(database: Database, who: Principal, *questions: str) -> tuple[str, list[Message]]:
    """A conversation of these questions, each answered and rated; its id and messages."""
    chats, conversation_id = Conversations(database), str(uuid.uuid4())
    for question in questions:
        one = exchange(question)
        chats.add(conversation_id, who, one)
        chats.rate(one.answer["id"], who, rating="up", comment="")
    return conversation_id, list(chats.messages(conversation_id, who))


def said(database: Database, who: Principal, conversation_id: str) -> list[str]:
    """The questions; the positions of all messages must be 0, 1, 2 and so on, and questions and answers take turns."""
    messages = Conversations(database).messages(conversation_id, who)
    assert [message.position for message in messages] == list(range(len(messages)))
    assert [message.role for message in messages] == ["user", "assistant"] * (len(messages) // 2)
    assert [m.content for m in messages[1::2]] == [f"Of {m.content}" for m in messages[::2]]
    return [message.content for message in messages[::2]]


def hanging(database: Database) -> set[int]:
    """How many rows there are of each kind that hangs on an answer."""
    with database.read() as session:
        kinds = (CitedVersion.message_id, AnswerExplanation.answer_id, Feedback.answer_id)
        return {session.scalar(select(func.count(kind))) or 0 for kind in kinds}


@pytest.mark.parametrize("of", ["question", "answer"])
def test_an_exchange_and_all_behind_it_are_replaced_with_what_hangs_on_them(database: Database, of: str) -> None:
    ann = someone(database, ANN)
    other, _ = talked(database, ann, "Elsewhere?")
    chat, messages = talked(database, ann, "One?", "Two?", "Three?")
    assert hanging(database) == {4}
    chosen = messages[2] if of == "question" else messages[3]
    chats = Conversations(database)
    earlier = chats.earlier(chat, ann, replaces=chosen.id, limit=6)
    assert [message.content for message in earlier.messages] == ["One?", "Of One?"]
    assert earlier.replaced == tuple(message.id for message in messages[2:])
    assert said(database, ann, chat) == ["One?", "Two?", "Three?"], "nothing goes before the new answer is there"
    chats.add(chat, ann, exchange("Two again?"), replaced=earlier.replaced)
    assert said(database, ann, chat) == ["One?", "Two again?"]
    assert said(database, ann, other) == ["Elsewhere?"]
    with database.read() as session:
        assert session.scalar(select(func.count(Feedback.answer_id))) == 2  # the new answer is not rated
        assert session.scalar(select(func.count(AnswerExplanation.answer_id))) == 3
        assert session.scalar(select(func.count(CitedVersion.message_id))) == 3


def test_a_conversation_that_was_deleted_meanwhile_stays_deleted(database: Database) -> None:
    ann = someone(database, ANN)
    chat, messages = talked(database, ann, "One?", "Two?")
    chats = Conversations(database)
    chats.delete(chat, ann)
    for replaced in ((), tuple(message.id for message in messages[2:])):
        chats.add(chat, ann, exchange("Three?"), replaced=replaced, goes_on=True)
        with pytest.raises(NotFoundError):
            chats.messages(chat, ann)
    assert hanging(database) == {0}


def test_history_is_the_last_messages_in_order(database: Database) -> None:
    ann = someone(database, ANN)
    chat, messages = talked(database, ann, "One?", "Two?", "Three?")
    chats = Conversations(database)
    assert [m.id for m in chats.earlier(chat, ann, limit=3).messages] == [m.id for m in messages[-3:]]
    assert chats.earlier(chat, ann, limit=3).replaced == ()
    assert chats.earlier(chat, ann, replaces=messages[0].id, limit=3).messages == ()


def test_a_message_of_another_conversation_or_person_does_not_exist(database: Database) -> None:
    ann, bob = someone(database, ANN), someone(database, BOB)
    mine, _ = talked(database, ann, "One?")
    second, elsewhere = talked(database, ann, "Two?")
    _, foreign = talked(database, bob, "Three?")
    chats = Conversations(database)
    for message_id in (elsewhere[0].id, elsewhere[1].id, foreign[0].id, foreign[1].id, str(uuid.uuid4()), ""):
        with pytest.raises(NotFoundError) as missing:
            chats.earlier(mine, ann, replaces=message_id, limit=6)
        assert missing.value.message == NO_MESSAGE
    with pytest.raises(NotFoundError) as hidden:
        chats.earlier(second, bob, replaces=elsewhere[1].id, limit=6)
    assert hidden.value.message == NOT_FOUND


def test_what_was_said_meanwhile_is_never_lost(database: Database) -> None:
    ann = someone(database, ANN)
    chat, messages = talked(database, ann, "One?", "Two?")
    chats = Conversations(database)
    replaced = chats.earlier(chat, ann, replaces=messages[0].id, limit=6).replaced
    chats.add(chat, ann, exchange("Three?"))
    before = hanging(database)
    with pytest.raises(ConflictError):
        chats.add(chat, ann, exchange("One again?"), replaced=replaced)
    assert said(database, ann, chat) == ["One?", "Two?", "Three?"]
    assert hanging(database) == before


def all_at_once(calls: Sequence[tuple[Conversations, str, Principal, Exchange, tuple[str, ...]]]) -> list[str]:
    """Add them all from threads of their own; how each ended."""
    ended, start = [""] * len(calls), threading.Barrier(len(calls))

    def one(number: int) -> None:
        chats, chat, who, added, replaced = calls[number]
        start.wait()
        try:
            chats.add(chat, who, added, replaced=replaced)
            ended[number] = "stored"
        except ConflictError:
            ended[number] = "conflict"

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


def test_several_who_ask_at_once_are_all_stored(database: Database) -> None:
    ann = someone(database, ANN)
    chat, _ = talked(database, ann, "One?")
    asked = [f"{number}?" for number in range(8)]
    ended = all_at_once([(Conversations(database), chat, ann, exchange(question), ()) for question in asked])
    assert ended == ["stored"] * 8
    stored = said(database, ann, chat)
    assert stored[0] == "One?"
    assert sorted(stored[1:]) == asked


def test_of_several_who_replace_the_same_at_once_one_is_stored(database: Database) -> None:
    ann = someone(database, ANN)
    chat, messages = talked(database, ann, "One?", "Two?")
    chats = Conversations(database)
    replaced = chats.earlier(chat, ann, replaces=messages[3].id, limit=6).replaced
    asked = [f"{number}?" for number in range(4)]
    ended = all_at_once([(chats, chat, ann, exchange(question), replaced) for question in asked])
    assert sorted(ended) == ["conflict"] * 3 + ["stored"]
    assert said(database, ann, chat) == ["One?", asked[ended.index("stored")]]


# --- titles


def title(database: Database, who: Principal, chat: str) -> str:
    return Conversations(database).get(chat, who).title


def again(database: Database, who: Principal, chat: str, message: Message, question: str) -> None:
    chats = Conversations(database)
    replaced = chats.earlier(chat, who, replaces=message.id, limit=6).replaced
    chats.add(chat, who, exchange(question), replaced=replaced)


def test_a_title_follows_the_first_question_only(database: Database) -> None:
    ann = someone(database, ANN)
    chat, messages = talked(database, ann, FIRST, "Two?")
    assert title(database, ann, chat) == "Who signs travel claims"
    again(database, ann, chat, messages[2], "Three?")
    assert title(database, ann, chat) == "Who signs travel claims"
    again(database, ann, chat, messages[0], "Who signs invoices?")
    assert title(database, ann, chat) == "Who signs invoices"


def test_a_title_that_somebody_chose_stays(database: Database) -> None:
    ann = someone(database, ANN)
    chat, messages = talked(database, ann, FIRST)
    Conversations(database).rename(chat, ann, "Claims")
    again(database, ann, chat, messages[0], "Who signs invoices?")
    assert title(database, ann, chat) == "Claims"


@pytest.mark.parametrize(("given", "kept"), [("", "Who signs travel claims"), ("Claims", "Claims")])
def test_an_empty_conversation_without_a_title_gets_one_with_its_first_question(
    database: Database, given: str, kept: str
) -> None:
    ann = someone(database, ANN)
    chats = Conversations(database)
    chat = chats.create(ann, given).id
    assert title(database, ann, chat) == (given or UNTITLED)
    chats.add(chat, ann, exchange(FIRST))
    assert title(database, ann, chat) == kept
