"""What lists take in an address's query beside their cursor. Knows nothing of what is listed."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator
from pydantic_core import PydanticUseDefault

# The most items of one page where a list is short as a rule: most readers get all of it at once.
MOST = 1000


def _given(value: Any) -> Any:
    if value == "":
        raise PydanticUseDefault
    return value


# A parameter that stands in the address with nothing behind it was not given.
Given = BeforeValidator(_given)
Limit = Annotated[int, Query(ge=1, le=200), Given]
LongLimit = Annotated[int, Query(ge=1, le=MOST), Given]
