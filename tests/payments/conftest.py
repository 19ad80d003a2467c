from tests.given.stripe import stripe, stripe_company, stripe_gateway
from tests.given.wechat import company, gateway, wechat

__all__ = ["company", "gateway", "stripe", "stripe_company", "stripe_gateway", "wechat"]
