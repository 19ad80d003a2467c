"""From the market's metrics of members to the words and bars of the report."""

from collections.abc import Sequence

from cli.demo.door import Answer
from cli.report.members import Metric
from domain.audit.rules import yuan

NONE = "—"


def metrics_of(figures: Answer) -> Sequence[Metric]:
    """The metrics with what they mean; shares are drawn."""
    revenue, others = figures["revenuePerMember"], figures["revenuePerOther"]
    multiple = figures["spendMultiple"]
    return [
        _share(
            "渗透率", "penetration", figures["penetration"], f"{figures['members']:,} / {figures['people']:,} 人 people"
        ),
        _share("转化率", "conversion", figures["conversion"], f"{figures['newMembers']:,} 新会员 became members today"),
        _share(
            "续费率", "renewal rate", figures["renewalRate"], f"{figures['termsDue']:,} 张到期 cards were due today"
        ),
        Metric(
            "单客产值",
            "revenue per member",
            yuan(revenue["minor"]) if revenue else NONE,
            None,
            f"非会员 others {yuan(others['minor']) if others else NONE}",
        ),
        Metric(
            "消费倍数", "spend multiple", f"{multiple:.1f} x" if multiple is not None else NONE, None, "会员 : 非会员"
        ),
    ]


def _share(zh: str, en: str, share: float | None, means: str) -> Metric:
    return Metric(zh, en, f"{share:.1%}" if share is not None else NONE, share, means)
