"""The two companies that have to do with parcels, in processes of their own."""

from tests.given.shipments import platform, tracking, tracking_company, wechat, wechat_company

__all__ = ["platform", "tracking", "tracking_company", "wechat", "wechat_company"]
