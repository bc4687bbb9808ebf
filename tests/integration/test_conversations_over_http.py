"""Asking again over HTTP, with a scripted model: what it is shown of before, and what is kept when it does not end."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.api.replay import WITHHELD
from tests.integration.talking import BONUS, NOTHING, QUESTION, SAYS, SAYS_BONUS, Talking, talking
from tests.scripted_model import Hangs, Says
from tests.system import System

FOLLOW_UP = "And who agrees on them?"
MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[Talking]:
    with talking(tmp_path_factory.mktemp("conversations"), model_cache) as started:
        yield started


@pytest.fixture(scope="module")
def bob(scene: Talking) -> httpx.Client:
    return scene.system.client(scene.bob)


def asked(client: httpx.Client, question: str, chat: str | None = None, **more: Any) -> dict[str, Any]:
    """The whole answer, streamed or not."""
    response = client.post("/v1/ask", json={"question": question, "conversation_id": chat, **more})
    assert response.status_code == 200, response.text
    if not more.get("stream"):
        return dict(response.json())
    name, data = response.text.strip().split("\n\n")[-1].split("\n")
    assert name == "event: done", response.text
    return dict(json.loads(data.removeprefix("data: ")))


def messages(client: httpx.Client, chat: str) -> list[dict[str, Any]]:
    return list(client.get(f"/v1/conversations/{chat}/messages").json()["items"])


def questions(client: httpx.Client, chat: str) -> list[str]:
    return [message["content"] for message in messages(client, chat) if message["role"] == "user"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("of", ["question", "answer"])
def test_the_model_sees_only_what_stands_before_the_replaced_question(
    scene: Talking, bob: httpx.Client, stream: bool, of: str
) -> None:
    scene.model.does(SAYS)
    chat = asked(bob, "How many remote days are usual?")["conversation_id"]
    asked(bob, "Who pays for zebrawood chairs?", chat)
    asked(bob, "Who pays for ebony desks?", chat)
    before = messages(bob, chat)
    replaced = before[2] if of == "question" else before[3]
    scene.model.does(Says(QUESTION), SAYS)
    answer = asked(bob, FOLLOW_UP, chat, replaces=replaced["id"], stream=stream)
    shown = json.dumps(scene.model.requests)
    assert "How many remote days are usual?" in shown
    assert "zebrawood" not in shown
    assert "ebony" not in shown
    after = messages(bob, chat)
    assert after[:2] == before[:2]
    assert [after[2]["content"], after[3]["id"]] == [FOLLOW_UP, answer["id"]]
    assert len(after) == 4
    assert bob.get(f"/v1/answers/{before[3]['id']}/explain").status_code == 404


@pytest.mark.parametrize("stream", [False, True])
def test_a_reader_who_leaves_keeps_the_old_answers(scene: Talking, bob: httpx.Client, stream: bool) -> None:
    scene.model.does(SAYS)
    first = asked(bob, QUESTION)
    chat = first["conversation_id"]
    before = messages(bob, chat)
    scene.model.does(Hangs(text="Employees may"))
    body = {"question": QUESTION, "conversation_id": chat, "replaces": first["id"], "stream": stream}
    if stream:
        with bob.stream("POST", "/v1/ask", json=body) as response:
            events = response.iter_text()  # held: dropped, it would close the stream
            next(events)
            assert scene.model.asked()
    else:
        with pytest.raises(httpx.ReadTimeout):
            bob.post("/v1/ask", json=body, timeout=3.0)
        assert scene.model.asked()
    assert scene.model.idle()
    assert messages(bob, chat) == before


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_deleted_while_its_answer_is_made_stays_deleted(
    scene: Talking, bob: httpx.Client, stream: bool
) -> None:
    scene.model.does(SAYS)
    chat = asked(bob, QUESTION)["conversation_id"]
    scene.model.does(Says(QUESTION), Says(SAYS.text, piece=1), SAYS)
    deleted: list[int] = []

    def delete() -> None:
        assert scene.model.asked()
        deleted.append(bob.delete(f"/v1/conversations/{chat}").status_code)

    deleting = threading.Thread(target=delete)
    deleting.start()
    answer = asked(bob, FOLLOW_UP, chat, stream=stream)
    deleting.join()
    assert deleted == [204]
    assert answer["outcome"] == "answered"
    assert bob.get(f"/v1/conversations/{chat}").status_code == 404
    assert bob.get(f"/v1/answers/{answer['id']}/explain").status_code == 404


def test_a_message_that_is_not_ones_own_is_a_missing_one(scene: Talking, bob: httpx.Client) -> None:
    scene.model.does(SAYS)
    mine, other = asked(bob, QUESTION), asked(bob, QUESTION)
    ann = scene.system.client(scene.ann)
    foreign = asked(ann, QUESTION)
    chats = [mine["conversation_id"], None]
    told = [
        bob.post("/v1/ask", json={"question": QUESTION, "conversation_id": chat, "replaces": which})
        for chat in chats
        for which in (MISSING, other["id"], foreign["id"])
    ]
    elsewhere = {"question": QUESTION, "conversation_id": foreign["conversation_id"], "replaces": foreign["id"]}
    hidden = bob.post("/v1/ask", json=elsewhere)
    missing = bob.post("/v1/ask", json={**elsewhere, "conversation_id": MISSING})
    assert questions(ann, foreign["conversation_id"]) == [QUESTION]
    assert {response.status_code for response in (*told, hidden, missing)} == {404}
    assert len({response.json()["detail"] for response in told}) == 1
    assert hidden.json()["detail"] == missing.json()["detail"]
    assert len(messages(bob, mine["conversation_id"])) == len(messages(bob, other["conversation_id"])) == 2


def test_asked_at_once_in_one_conversation_all_are_stored(scene: Talking, bob: httpx.Client) -> None:
    scene.model.does(SAYS)
    chat = asked(bob, QUESTION)["conversation_id"]
    wanted = [f"How many days may team {number} work remotely?" for number in range(4)]
    threads = [threading.Thread(target=asked, args=(bob, question, chat)) for question in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(questions(bob, chat)) == sorted([QUESTION, *wanted])
    assert [message["role"] for message in messages(bob, chat)] == ["user", "assistant"] * 5


def test_what_was_revoked_is_not_shown_to_the_model_again(scene: Talking) -> None:
    mover = scene.system.person("mover@example.com", "hr")
    scene.model.does(SAYS_BONUS)
    chat = asked(mover, BONUS)["conversation_id"]
    scene.model.does(Says("Is the bonus taxed?"), Says("NO_ANSWER"))
    asked(mover, "And is it taxed?", chat)
    assert "4000" in json.dumps(scene.model.requests[0]), "it is there while it may be read, else this proves nothing"
    scene.system.admin.delete("/v1/groups/hr/members/mover@example.com")
    scene.model.does(Says("How many remote days are there?"), SAYS)
    asked(mover, "And when does it come?", chat)
    shown = json.dumps(scene.model.requests)
    assert BONUS in shown, "history was replayed"
    assert [word for word in ("4000", "paid with", "first salary") if word in shown] == []


def test_what_a_model_wrote_under_a_heading_of_a_revoked_source_is_shown_without_it(scene: Talking) -> None:
    leaver = scene.system.person("leaver@example.com", "hr")
    scene.model.does(Says(f"## Signing bonus\n\n{SAYS.text}"))
    answer = asked(leaver, QUESTION)
    chat = answer["conversation_id"]
    assert [sentence["status"] for sentence in answer["sentences"]] == ["no_claim", "supported"]
    before = messages(leaver, chat)[1]["answer"]
    assert before == answer, "all of it is there while all of it may be read"
    assert scene.bonus in {source["document_id"] for source in before["sources"]}
    scene.system.admin.delete("/v1/groups/hr/members/leaver@example.com")
    after = messages(leaver, chat)[1]
    (sentence,) = after["answer"]["sentences"]
    assert after["content"] == after["answer"]["text"] == sentence["text"] == before["sentences"][1]["text"]
    assert (sentence["start"], sentence["end"]) == (0, len(sentence["text"]))
    assert [word for word in ("bonus", scene.bonus) if word in json.dumps(after).casefold()] == []
    scene.model.does(Says(QUESTION), SAYS)
    asked(leaver, FOLLOW_UP, chat)
    shown = json.dumps(scene.model.requests)
    assert "three days" in shown, "history was replayed"
    assert "bonus" not in shown.casefold()


OFFICE = "larnaca"
WHICH_AGENCY = "With which travel agency are trips of the Larnaca office booked?"
OLD_TEXT = b"Trips of the Larnaca office are booked with the travel agency Aphrodite."
NEW_TEXT = b"Hotels near the Larnaca office are paid with the card of the office."
NEW_TITLE = "Travel rules zebrano"


@pytest.mark.parametrize("how", ["revoked", "deleted"])
def test_that_a_lost_document_superseded_what_an_answer_cites_is_no_longer_said(assistant: System, how: str) -> None:
    source = f"{OFFICE}-{how}"
    old = assistant.send("old.txt", OLD_TEXT, data_source=source, title="Travel rules", grants=["everyone"])
    more: dict[str, Any] = {"title": NEW_TITLE, "grants": [f"group:{OFFICE}"], "supersedes": ["old.txt"]}
    new = assistant.send("new.txt", NEW_TEXT, data_source=source, **more)
    reader = assistant.person(f"{source}@example.com", OFFICE)
    answer = asked(reader, WHICH_AGENCY, filters={"data_sources": [source]})
    newer = {one["document_id"]: one["superseded_by"] for one in answer["sources"]}
    assert newer == {old["id"]: new["id"], new["id"]: None}
    note = f"“Travel rules” has been superseded by “{NEW_TITLE}”."
    assert [conflict["note"] for conflict in answer["conflicts"]] == [note]
    assert [citation["document_id"] for one in answer["sentences"] for citation in one["citations"]] == [old["id"]]
    before = messages(reader, answer["conversation_id"])[1]
    assert before["answer"] == answer
    assert before["content"].endswith(note), "it is said while it may be read, else this proves nothing"
    if how == "deleted":
        assert assistant.admin.delete(f"/v1/documents/{new['id']}").status_code == 204
    else:
        assistant.admin.delete(f"/v1/groups/{OFFICE}/members/{source}@example.com")
    (_, after) = messages(reader, answer["conversation_id"])
    assert [word for word in (NEW_TITLE, "zebrano", new["id"]) if word in json.dumps(after, ensure_ascii=False)] == []
    assert (after["content"], after["answer"]["sentences"], after["answer"]["conflicts"]) == (WITHHELD, [], [])
    assert [(one["title"], one["superseded_by"]) for one in after["answer"]["sources"]] == [("Travel rules", None)]


def test_a_newer_document_that_was_not_found_is_no_longer_mentioned_either(assistant: System) -> None:
    source = f"{OFFICE}-elsewhere"
    old = assistant.send("old.txt", OLD_TEXT, data_source=source, title="Travel rules", grants=["everyone"])
    named = [{"data_source": source, "external_id": "old.txt"}]
    new = assistant.send("new.txt", NEW_TEXT, data_source=f"{source}-new", title=NEW_TITLE, supersedes=named)
    answer = asked(assistant.admin, WHICH_AGENCY, filters={"data_sources": [source]})
    assert [one["superseded_by"] for one in answer["sources"]] == [new["id"]]
    quoted, note = answer["sentences"]
    assert note["text"] == "“Travel rules” has been superseded by a newer document."
    assistant.admin.delete(f"/v1/documents/{new['id']}")
    (_, after) = messages(assistant.admin, answer["conversation_id"])
    assert (after["content"], after["answer"]["sentences"]) == (quoted["text"], [quoted])
    assert after["answer"]["conflicts"] == []
    assert [(one["document_id"], one["superseded_by"]) for one in after["answer"]["sources"]] == [(old["id"], None)]


def test_a_new_conversation_is_called_what_was_asked(scene: Talking, bob: httpx.Client) -> None:
    scene.model.does(SAYS)
    made = bob.post("/v1/conversations", json={}).json()
    first = asked(bob, f"Hello, can you tell me: {QUESTION} Thanks!", made["id"])
    where = f"/v1/conversations/{made['id']}"
    assert (made["title"], bob.get(where).json()["title"]) == ("New conversation", QUESTION.rstrip("?"))
    second = asked(bob, NOTHING, made["id"], replaces=first["id"])
    assert bob.get(where).json()["title"] == NOTHING.rstrip("?")
    bob.patch(where, json={"title": "Home"})
    asked(bob, QUESTION, made["id"], replaces=second["id"])
    assert bob.get(where).json()["title"] == "Home"
