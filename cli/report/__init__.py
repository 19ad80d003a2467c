"""The report 战报 of an evening, a sale and group-buys: plain figures in, drawn on a terminal or as one page that fetches nothing.

`figures` holds what a sale has to tell and what follows from it; `page` and `screen` draw the same figures twice, in
the colours of `series`. Nothing here measures, and nothing but `write_html` touches a file.
"""

from cli.report.figures import AccountFigures, AuditLine, SaleReport, Scene, SecondFigures, SkuFigures, Step, percentile
from cli.report.page import html, write_html
from cli.report.screen import terminal

__all__ = [
    "AccountFigures",
    "AuditLine",
    "SaleReport",
    "Scene",
    "SecondFigures",
    "SkuFigures",
    "Step",
    "html",
    "percentile",
    "terminal",
    "write_html",
]
