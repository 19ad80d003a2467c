from tests.given.sandbox import company, gateway, sandbox

__all__ = ["company", "gateway", "sandbox"]
