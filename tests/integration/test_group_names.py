"""Names of groups over HTTP: what a grant cannot name is refused, and what is there already can be left."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from sqlalchemy import delete

from services.db.accounts import Accounts
from services.db.models import Membership
from tests.system import System

REFUSED = ["Human Resources", "a:b", "a,b", "sales/../hr", ".", "x" * 200]
OLD = ["human resources", "a:b", "a,b"]
TAKEN = ["Human-Resources", "Sales/EMEA"]
EMAIL = "gil@example.com"


def member(group: str) -> str:
    return f"/v1/groups/{quote(group, safe='')}/members/{EMAIL}"


@pytest.fixture
def gil(assistant: System) -> Iterator[Accounts]:
    assistant.person(EMAIL)
    yield Accounts(assistant.database)
    with assistant.database.write() as session:
        session.execute(
            delete(Membership).where(Membership.group_name.in_([*OLD, *(name.casefold() for name in TAKEN)]))
        )


@pytest.mark.parametrize("group", REFUSED)
def test_a_group_that_no_grant_can_name_is_refused(assistant: System, group: str) -> None:
    answer = assistant.admin.post("/v1/users", json={"email": "new@example.com", "groups": ["hr", group]})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_group")
    assert "no spaces" in answer.json()["detail"]
    listed = assistant.admin.get("/v1/users", params={"email": "new@example.com"}).json()
    assert listed["items"] == []


@pytest.mark.usefixtures("gil")
@pytest.mark.parametrize("group", ["Human Resources", "a:b"])
def test_nobody_joins_such_a_group(assistant: System, group: str) -> None:
    answer = assistant.admin.put(member(group))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_group")


@pytest.mark.parametrize("group", OLD)
def test_one_that_is_there_can_be_left(assistant: System, gil: Accounts, group: str) -> None:
    gil.join(group, EMAIL)
    assert assistant.admin.delete(member(group)).status_code == 204
    assert group not in gil.by_email(EMAIL).groups


@pytest.mark.usefixtures("gil")
@pytest.mark.parametrize("group", TAKEN)
def test_a_name_that_a_grant_takes_is_joined_and_left(assistant: System, group: str) -> None:
    assert assistant.admin.put(member(group)).status_code == 204
    assert assistant.admin.delete(member(group.casefold())).status_code == 204
