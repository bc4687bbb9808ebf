"""schemathesis over the OpenAPI document that a running assistant serves.

Every operation is called with requests at the borders of what the document allows and with drawn ones, right and wrong,
by nobody, by a plain reader and by an administrator, at addresses of what is there and of what is not. What comes back
must be as the document says. The requests are the same in every run, as far as schemathesis and hypothesis are.

Of schemathesis's checks these are left out:

- `positive_data_acceptance`: some rules no schema says. A cursor is one that a list gave out, a document does not
  supersede itself, one signs in with a token or with an e-mail address and a password.
- `missing_required_header`: no operation asks for a header but for who calls, and of that `ignored_auth` is.
- `use_after_free`, `ensure_resource_availability`, `object_level_authorization`: they follow links between operations,
  of which the document has none. The canary matrix is about who sees what.
- `response_schema_conformance` for streams of events: it holds each event against the schema, which is that of all.
"""

import importlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import hypothesis
import hypothesis.core
import pytest
import requests

from services.api.app import create_app
from tests import system

if TYPE_CHECKING:
    from schemathesis import Case
    from schemathesis.schemas import APIOperation, BaseSchema

Check = Callable[..., bool | None]
CALLERS = ("nobody", "reader", "administrator")
# Requests of an operation: at borders, spread over all there are; and drawn ones that are right, and that are wrong.
AT_BORDERS, DRAWN = 20, 3
# A text of 8000 characters of a pattern takes half a minute to draw: here nothing is tried at borders.
NO_BORDERS = frozenset({"GET /v1/sessions/oidc/callback"})
# A number that its schema calls wrong is read as it is meant: 0 as false.
READ_AS_MEANT = frozenset({"POST /v1/admin/verify"})
CHECKS = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "unsupported_method",
    "negative_data_rejection",
)
# Limits would refuse most of the requests of one caller.
LIMITS = ("USER_REQUESTS", "KEY_REQUESTS", "USER_QUESTIONS", "KEY_QUESTIONS", "ADDRESS_FAILURES")


@dataclass
class Fuzzed:
    """A running assistant's document, its callers' headers, what addresses can name, the requests made so far, and how
    many of each operation and caller were answered."""

    schema: "BaseSchema"
    headers: dict[str, dict[str, str]]
    there: dict[str, str]
    checks: dict[str, Check]
    session: requests.Session
    made: dict[str, list["Case[Any]"]] = field(default_factory=dict)
    answered: Counter[tuple[str, str]] = field(default_factory=Counter)

    def call(self, case: "Case[Any]", who: str) -> None:
        """Send one request and look at its response. Raises FailureGroup, which says how to send it again."""
        headers = self.headers[who]
        response = case.call(session=self.session, headers=headers, allow_redirects=False)
        # Of the requests at borders some have a method that the document has not: these are no calls of an operation.
        self.answered[case.operation.label, who] += case.method.upper() == case.operation.method.upper()
        left_out = {
            "response_schema_conformance": _is_stream(response.headers),
            # A parameter that stands in the address with nothing behind it was not given.
            "negative_data_rejection": case.operation.label in READ_AS_MEANT or "" in case.query.values(),
        }
        checks: list[Any] = [check for name, check in self.checks.items() if not left_out.get(name)]
        case.validate_response(
            response, checks, headers=headers, transport_kwargs={"session": self.session, "headers": headers}
        )

    def cases(self, label: str) -> list["Case[Any]"]:
        """The requests of one operation; every second one names what is there, where its address is to be right."""
        if label not in self.made:
            operation = self.schema.find_operation_by_label(label)
            assert operation is not None, f"{label} is not in the document that is served"
            made = [*_at_borders(self.schema, operation), *_drawn(operation)]
            for case in made[::2]:
                _name(case, {name: self.there[name] for name in case.path_parameters if name in self.there})
            self.made[label] = made
        return self.made[label]


def operations() -> list[str]:
    """Method and path of every operation. Those that delete come last, so that the others find something."""
    paths = create_app().openapi()["paths"]
    labels = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]
    return sorted(labels, key=lambda label: (label.startswith("DELETE "), label))


@pytest.fixture(scope="module")
def schemathesis() -> Iterator[Any]:
    """The library. It is imported no earlier: from then on hypothesis shows no values of what fails, and other tests
    of this process need theirs, so that this is taken back."""
    printer = hypothesis.core.RepresentationPrinter  # type: ignore[attr-defined]
    yield importlib.import_module("schemathesis")
    hypothesis.core.RepresentationPrinter = printer  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory, model_cache: Path, schemathesis: Any) -> Iterator[Fuzzed]:
    """An assistant of its own: afterwards it is full of what nobody meant."""
    folder = tmp_path_factory.mktemp("fuzzed")
    settings = {f"FOOTNOTE_{name}_PER_MINUTE": "0" for name in LIMITS}
    with (
        system.running(system.ONE_MACHINE, folder, model_cache, **settings) as assistant,
        requests.Session() as session,
    ):
        clients = {"reader": assistant.person("reader@example.com"), "administrator": assistant.admin}
        headers = {who: {"Authorization": client.headers["Authorization"]} for who, client in clients.items()}
        schema = schemathesis.openapi.from_dict(assistant.client(None).get("/openapi.json").json())
        schema.config.update(base_url=assistant.url)
        known = importlib.import_module("schemathesis.specs.openapi.checks")
        checks = {name: getattr(known, name) for name in CHECKS}
        checks["not_a_server_error"] = importlib.import_module("schemathesis.checks").not_a_server_error
        there = _things(assistant, clients["reader"])
        yield Fuzzed(schema, {"nobody": {}} | headers, there, checks, session)


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("label", operations())
def test_an_operation_answers_as_its_document_says(fuzzed: Fuzzed, label: str, who: str) -> None:
    failures = []
    cases = fuzzed.cases(label)
    for case in cases:
        try:
            fuzzed.call(case, who)
        except BaseExceptionGroup as failure:  # each has its own request
            failures.append(failure)
    assert fuzzed.answered[label, who] > 0
    if failures:
        raise BaseExceptionGroup(f"{len(failures)} of {len(cases)} requests", failures)


def test_the_served_document_has_no_other_operations(fuzzed: Fuzzed) -> None:
    paths = fuzzed.schema.raw_schema["paths"]
    served = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert served == set(operations())


def _things(assistant: system.System, reader: httpx.Client) -> dict[str, str]:
    """What there is, by the parameter of an address that names it.

    It is the reader's or nobody's who calls: so whatever is disabled, revoked or deleted, all go on calling.
    """
    document = assistant.send("policy.txt", b"The travel policy allows 40 euros a day for meals.", client=reader)
    answer = reader.post("/v1/ask", json={"question": "How many euros a day does the travel policy allow?"}).json()
    other = assistant.admin.post("/v1/users", json={"email": "other@example.com", "groups": ["travel"]}).json()
    source = {"name": "travel", "connector": "web", "options": {"url": "https://travel.invalid/"}, "sync": False}
    added = assistant.admin.post("/v1/data-sources", json=source)
    assert added.status_code == 201, added.text
    return {
        "document_id": document["id"],
        "conversation_id": answer["conversation_id"],
        "answer_id": answer["id"],
        "key_id": reader.post("/v1/api-keys", json={"name": "Spare"}).json()["id"],
        "user_id": other["id"],
        "email": other["email"],
        "name": "travel",  # of the data source and of the group
        "model": "footnote",
    }


def _name(case: "Case[Any]", there: dict[str, str]) -> None:
    from schemathesis.core.parameters import ParameterLocation  # noqa: PLC0415

    if case.meta is not None and not case.meta.is_negative_at(ParameterLocation.PATH):
        case.path_parameters.update(there)


def _at_borders(schema: "BaseSchema", operation: "APIOperation[Any, Any, Any, Any]") -> list["Case[Any]"]:
    """Some of the requests at borders, which schemathesis lists: right ones, wrong ones, and ones of other methods."""
    from schemathesis import GenerationMode  # noqa: PLC0415
    from schemathesis.config import GenerationConfig  # noqa: PLC0415

    if operation.label in NO_BORDERS:
        return []
    listed = list(
        schema.iter_coverage_cases(
            operation,
            generation_modes=list(GenerationMode),
            generation_config=GenerationConfig(deterministic=True),
        )
    )
    return listed[:: -(-len(listed) // AT_BORDERS)]


def _drawn(operation: "APIOperation[Any, Any, Any, Any]") -> list["Case[Any]"]:
    """Requests as the document has them, and where it has parameters or a body, also ones that it has not."""
    from schemathesis import GenerationMode  # noqa: PLC0415

    made: list[Case[Any]] = []
    modes = [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if operation.query or operation.body else [])]
    for mode in modes:

        @hypothesis.settings(
            max_examples=DRAWN,
            derandomize=True,
            database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(operation.as_strategy(generation_mode=mode))
        def draw(case: "Case[Any]") -> None:
            made.append(case)

        draw()
    return made


def _is_stream(headers: Any) -> bool:
    return any(value.startswith("text/event-stream") for value in headers.get("content-type", []))
