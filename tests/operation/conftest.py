"""The API process of a test, as the API's own tests start it."""

from tests.api.conftest import api, app, ask, post

__all__ = ["api", "app", "ask", "post"]
