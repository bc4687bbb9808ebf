"""Chats: each belongs to one person, and to nobody else. Knows nothing of HTTP or of how answers are made."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.orm import Session

from retrieval.errors import ConflictError, NotFoundError
from retrieval.types import Principal
from services.db.audit_log import record
from services.db.database import Database, clock
from services.db.models import AnswerExplanation, CitedVersion, Conversation, Feedback, Message
from services.db.titles import UNTITLED, title_of

NOT_FOUND = "There is no such conversation, or it is not yours."
NO_MESSAGE = "There is no such message in this conversation."


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question with its answer and how that was found, as they are stored."""

    question: str
    answer_text: str
    answer: dict[str, Any]
    explanation: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """What stands before a question: the latest messages in order, and the ids of those that it is to replace."""

    messages: Sequence[Message] = ()
    replaced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """How a stored answer was found; `explanation` is None for one made before this was recorded.

    `told` names the documents that earlier answers of its conversation showed: the query may repeat their words.
    """

    answer: dict[str, Any]
    explanation: dict[str, Any] | None
    told: frozenset[str]


class Conversations:
    """Every call names the person; a foreign conversation does not exist for them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, principal: Principal, title: str) -> Conversation:
        """A new, empty conversation."""
        with self._database.write() as session:
            row = _new(session, str(uuid.uuid4()), principal, title)
            record(session, "sensitive_create", subject=f"conversation:{row.id}")
            return row

    def get(self, conversation_id: str, principal: Principal) -> Conversation:
        """Raises NotFoundError."""
        with self._database.read() as session:
            return _own(session, conversation_id, principal)

    def rename(self, conversation_id: str, principal: Principal, title: str) -> Conversation:
        """Raises NotFoundError."""
        with self._database.write() as session:
            row = _own(session, conversation_id, principal)
            row.title = title.strip() or row.title
            record(session, "sensitive_update", subject=f"conversation:{row.id}", act="rename")
            return row

    def delete(self, conversation_id: str, principal: Principal) -> None:
        """Delete with all messages. Raises NotFoundError."""
        with self._database.write() as session:
            session.delete(_own(session, conversation_id, principal))  # the messages go with it
            record(session, "sensitive_delete", subject=f"conversation:{conversation_id}")

    def page(self, principal: Principal, *, after: tuple[datetime, str] | None, limit: int) -> list[Conversation]:
        """The person's conversations, latest first, behind `after` (updated_at, id)."""
        query = select(Conversation).where(Conversation.user_id == principal.user_id)
        if after:
            moment, last = after
            same = and_(Conversation.updated_at == moment, Conversation.id > last)
            query = query.where(or_(Conversation.updated_at < moment, same))
        with self._database.read() as session:
            return list(session.scalars(query.order_by(Conversation.updated_at.desc(), Conversation.id).limit(limit)))

    def messages(
        self, conversation_id: str, principal: Principal, *, after: int = -1, limit: int | None = None
    ) -> Sequence[Message]:
        """Messages in order, behind the position `after`; None: all of them. Raises NotFoundError."""
        with self._database.read() as session:
            _own(session, conversation_id, principal)
            query = select(Message).where(Message.conversation_id == conversation_id, Message.position > after)
            return session.scalars(query.order_by(Message.position).limit(limit)).all()

    def earlier(
        self, conversation_id: str, principal: Principal, *, replaces: str | None = None, limit: int
    ) -> Earlier:
        """The last `limit` messages; with `replaces`, the id of a question or its answer, those before that question.

        Raises NotFoundError for the conversation, and for a message that is not in it.
        """
        with self._database.read() as session:
            _own(session, conversation_id, principal)
            query = select(Message).where(Message.conversation_id == conversation_id)
            replaced: tuple[str, ...] = ()
            if replaces is not None:
                start = _question_position(session, conversation_id, replaces)
                behind = select(Message.id).where(Message.conversation_id == conversation_id, Message.position >= start)
                replaced = tuple(session.scalars(behind.order_by(Message.position)))
                query = query.where(Message.position < start)
            latest = session.scalars(query.order_by(Message.position.desc()).limit(limit)).all()
            return Earlier(tuple(reversed(latest)), replaced)

    def add(
        self, conversation_id: str, principal: Principal, exchange: Exchange, *,
        replaced: Sequence[str] = (), goes_on: bool = False,
    ) -> None:  # fmt: skip
        """Store a question and its answer; the first one makes the conversation, and gives it a title.

        What `goes_on` with a conversation that was deleted meanwhile is not stored. The messages `replaced`, with which
        the conversation must still end, go in the same transaction. Raises NotFoundError where the id is somebody
        else's, ConflictError where the conversation went on meanwhile.
        """
        with self._database.write() as session:
            # Whoever adds holds the conversation's row, so that two who add at once do so one behind the other.
            if session.get(Conversation, conversation_id, with_for_update=True) is None:
                if goes_on:
                    return
                _new(session, conversation_id, principal, title_of(exchange.question))
            row = _own(session, conversation_id, principal)
            row.updated_at = now = clock(session)
            told_before = _remove(session, row.id, replaced) if replaced else ""
            count = session.scalar(select(func.count()).where(Message.conversation_id == row.id)) or 0
            # A title that somebody chose stays.
            if count == 0 and row.title in (UNTITLED, title_of(told_before)):
                row.title = title_of(exchange.question)
            common = {"conversation_id": row.id, "created_at": now}
            asked = Message(id=str(uuid.uuid4()), position=count, role="user", content=exchange.question, **common)
            answered = Message(
                id=exchange.answer["id"],
                position=count + 1,
                role="assistant",
                content=exchange.answer_text,
                answer=exchange.answer,
                **common,
            )
            session.add_all([asked, answered])
            session.flush()
            session.add_all(
                CitedVersion(message_id=answered.id, document_id=document_id, version=version)
                for document_id, version in _shown(exchange.answer)
            )
            if exchange.explanation is not None:
                session.add(AnswerExplanation(answer_id=answered.id, explanation=exchange.explanation))

    def recorded(self, answer_id: str, principal: Principal) -> Recorded:
        """How the person's answer was found. Raises NotFoundError."""
        with self._database.read() as session:
            message = _own_answer(session, answer_id, principal)
            kept = session.get(AnswerExplanation, answer_id)
            earlier = select(CitedVersion.document_id).join(Message, Message.id == CitedVersion.message_id)
            earlier = earlier.where(
                Message.conversation_id == message.conversation_id, Message.position < message.position
            )
            told = frozenset(session.scalars(earlier))
            return Recorded(message.answer or {}, kept.explanation if kept else None, told)

    def rate(self, answer_id: str, principal: Principal, *, rating: str, comment: str) -> None:
        """Store what the person thinks of their answer. Raises NotFoundError."""
        with self._database.write() as session:
            _own_answer(session, answer_id, principal)
            key = (answer_id, principal.user_id)
            row = session.get(Feedback, key) or Feedback(answer_id=answer_id, user_id=principal.user_id)
            row.rating, row.comment, row.created_at = rating, comment, clock(session)
            session.add(row)
            record(session, "sensitive_update", subject=f"answer:{answer_id}", act="feedback", rating=rating)


def _shown(answer: dict[str, Any]) -> set[tuple[str, int]]:
    """The document versions of which an answer shows a passage."""
    cited = [one for sentence in answer.get("sentences", ()) for one in sentence.get("citations", ())]
    closest = (answer.get("refusal") or {}).get("closest", ())
    return {(one["document_id"], one["version"]) for one in (*answer.get("sources", ()), *cited, *closest)}


def _new(session: Session, conversation_id: str, principal: Principal, title: str) -> Conversation:
    now = clock(session)
    row = Conversation(
        id=conversation_id,
        user_id=principal.user_id,
        title=title.strip() or UNTITLED,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _own(session: Session, conversation_id: str, principal: Principal) -> Conversation:
    row = session.get(Conversation, conversation_id)
    if row is None or row.user_id != principal.user_id:
        raise NotFoundError(NOT_FOUND)
    return row


def _question_position(session: Session, conversation_id: str, message_id: str) -> int:
    """Where the message stands, or the question that it answers."""
    row = session.get(Message, message_id)
    if row is None or row.conversation_id != conversation_id:
        raise NotFoundError(NO_MESSAGE)
    questions = select(func.max(Message.position)).where(
        Message.conversation_id == conversation_id, Message.role == "user", Message.position <= row.position
    )
    return session.scalar(questions) or 0


def _remove(session: Session, conversation_id: str, replaced: Sequence[str]) -> str:
    """Delete the last messages, which must be these; the text of their first. What hangs on them goes with them."""
    query = select(Message).where(Message.conversation_id == conversation_id).order_by(Message.position.desc())
    last = list(reversed(session.scalars(query.limit(len(replaced))).all()))
    if [message.id for message in last] != list(replaced):
        raise ConflictError("This conversation went on elsewhere in the meantime: load it again, then ask again.")
    first = last[0]
    session.execute(
        delete(Message).where(Message.conversation_id == conversation_id, Message.position >= first.position)
    )
    return first.content


def _own_answer(session: Session, answer_id: str, principal: Principal) -> Message:
    mine = select(Message).join(Conversation, Conversation.id == Message.conversation_id)
    mine = mine.where(Message.role == "assistant", Conversation.user_id == principal.user_id)
    row = session.scalar(mine.where(Message.id == answer_id))
    if row is None:
        raise NotFoundError("There is no such answer, or it is not yours.")
    return row
