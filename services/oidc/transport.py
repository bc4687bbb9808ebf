"""JSON from the provider, within limits of time and size. Knows nothing of what it says."""

import json
import time
from collections.abc import Mapping
from typing import Any

import httpx

from services.oidc.errors import ProviderUnavailableError

MAX_BYTES = 512 * 1024
SECONDS = 10.0
SILENCE_SECONDS = 5.0


class Transport:
    """Every call raises ProviderUnavailableError where there is no JSON object within the limits."""

    def __init__(self, *, seconds: float = SECONDS, silence_seconds: float = SILENCE_SECONDS) -> None:
        # Not compressed: a small answer must not become a large one here.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        self._http = httpx.Client(headers=headers, timeout=silence_seconds, follow_redirects=False)
        self._seconds = seconds

    def get(self, url: str) -> dict[str, Any]:
        """The document at `url`."""
        status, document = self._send(self._http.build_request("GET", url))
        if status != httpx.codes.OK:
            raise ProviderUnavailableError(f"The sign-in provider answers {status} for {url}.")
        return document

    def post(self, url: str, form: Mapping[str, str], auth: httpx.Auth | None) -> tuple[int, dict[str, Any]]:
        """Status and document of a form that was sent."""
        return self._send(self._http.build_request("POST", url, data=form), auth)

    def _send(self, request: httpx.Request, auth: httpx.Auth | None = None) -> tuple[int, dict[str, Any]]:
        try:
            response = self._http.send(request, auth=auth, stream=True)
            try:
                body = self._body(response)
            finally:
                response.close()
            document = json.loads(body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderUnavailableError(f"The sign-in provider does not answer ({type(error).__name__}).") from error
        except (ValueError, RecursionError):
            raise ProviderUnavailableError(f"The sign-in provider answers {response.status_code}, no JSON.") from None
        if not isinstance(document, dict):
            raise ProviderUnavailableError("The sign-in provider answers no JSON object.")
        return response.status_code, document

    def _body(self, response: httpx.Response) -> bytes:
        deadline, body = time.monotonic() + self._seconds, bytearray()
        for part in response.iter_raw():
            body += part
            if len(body) > MAX_BYTES:
                raise ProviderUnavailableError(f"The sign-in provider answers more than {MAX_BYTES} bytes.")
            if time.monotonic() > deadline:
                raise ProviderUnavailableError("The sign-in provider answers too slowly.")
        return bytes(body)
