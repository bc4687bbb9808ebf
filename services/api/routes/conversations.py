"""Conversations: one's own chats and their messages, how answers were found, and feedback on them."""

from typing import Annotated

from fastapi import APIRouter, Body, Response

from services.api import cursors, explaining, queries, schemas
from services.api.dependencies import PartsOf, Reader
from services.api.replay import replayed

router = APIRouter(prefix="/v1", tags=["conversations"])


@router.get("/conversations")
def page(
    parts: PartsOf,
    principal: Reader,
    limit: queries.Limit = 50,
    cursor: cursors.Cursor = None,
) -> schemas.Page[schemas.Conversation]:
    """One's conversations, latest first."""
    after = cursors.decode(cursor, 2)
    start = (cursors.moment(after[0]), after[1]) if after else None
    rows = parts.conversations.page(principal, after=start, limit=limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    return schemas.Page(
        items=[schemas.Conversation.model_validate(row) for row in rows[:limit]],
        next_cursor=cursors.encode(last.updated_at.isoformat(), last.id) if last else None,
    )


@router.post("/conversations", status_code=201)
def create(
    body: Annotated[schemas.ConversationTitle, Body(default_factory=schemas.ConversationTitle)],
    parts: PartsOf,
    principal: Reader,
) -> schemas.Conversation:
    """A new, empty conversation."""
    return schemas.Conversation.model_validate(parts.conversations.create(principal, body.title))


@router.get("/conversations/{conversation_id}")
def show(conversation_id: str, parts: PartsOf, principal: Reader) -> schemas.Conversation:
    """One conversation."""
    return schemas.Conversation.model_validate(parts.conversations.get(conversation_id, principal))


@router.patch("/conversations/{conversation_id}")
def rename(
    conversation_id: str, body: schemas.ConversationTitle, parts: PartsOf, principal: Reader
) -> schemas.Conversation:
    """Give it another title."""
    return schemas.Conversation.model_validate(parts.conversations.rename(conversation_id, principal, body.title))


@router.delete("/conversations/{conversation_id}", status_code=204)
def delete(conversation_id: str, parts: PartsOf, principal: Reader) -> Response:
    """Delete it with all its messages."""
    parts.conversations.delete(conversation_id, principal)
    return Response(status_code=204)


@router.get("/conversations/{conversation_id}/messages")
def messages(
    conversation_id: str,
    parts: PartsOf,
    principal: Reader,
    limit: queries.LongLimit = queries.MOST,
    cursor: cursors.Cursor = None,
) -> schemas.Page[schemas.Message]:
    """Its messages in order, without passages that one may no longer read."""
    after = cursors.decode(cursor, 1)
    position = cursors.number(after[0], most=cursors.INTEGER) if after else -1
    found = parts.conversations.messages(conversation_id, principal, after=position, limit=limit + 1)
    rows = found[:limit]
    more = cursors.encode(str(rows[-1].position)) if len(found) > limit else None
    stored = [row.answer for row in rows if row.answer is not None]
    answers = {answer.id: answer for answer in replayed(stored, parts.registry, principal)}
    shown = []
    for row in rows:
        answer = answers.get(row.id)
        content = answer.text if answer else row.content
        message = {"id": row.id, "role": row.role, "content": content, "answer": answer, "created_at": row.created_at}
        shown.append(schemas.Message.model_validate(message))
    parts.audit_notes.add("sensitive_read", subject=f"conversation:{conversation_id}", act="messages")
    return schemas.Page(items=shown, next_cursor=more)


@router.get("/answers/{answer_id}/explain")
def explain(answer_id: str, parts: PartsOf, principal: Reader) -> schemas.Explanation:
    """How an answer was found, as recorded when it was made; hits that one may no longer read are only counted."""
    explanation = explaining.of_answer(parts.conversations.recorded(answer_id, principal), parts.registry, principal)
    parts.audit_notes.add("sensitive_read", subject=f"answer:{answer_id}", act="explain")
    return explanation


@router.post("/answers/{answer_id}/feedback", status_code=204)
def rate(answer_id: str, body: schemas.FeedbackRequest, parts: PartsOf, principal: Reader) -> Response:
    """Say what one thinks of an answer; the last word counts."""
    parts.conversations.rate(answer_id, principal, rating=body.rating, comment=body.comment)
    return Response(status_code=204)
