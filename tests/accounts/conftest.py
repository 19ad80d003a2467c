"""The WeChat platform, for whoever signs in with it."""

import pytest

from domain.foundation import wechat_platform
from tests.given.shipments import wechat, wechat_company

__all__ = ["wechat", "wechat_company"]


@pytest.fixture
async def with_wechat(wechat, settings):
    """Settings with the platform in them."""
    yield wechat.settings(settings)
    await wechat_platform.hang_up()
