"""An API process to ask."""

from tests.api.conftest import api, app, ask, post

__all__ = ["api", "app", "ask", "post"]
