"""Landing pages as HTML: whatever is put into them is escaped, and their policy keeps browsers from anything they do not hold."""

from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import segno
from starlette.responses import HTMLResponse, Response

from domain.foundation.money import Money
from domain.posters.rules import INVITATIONS, Card
from domain.posters.tiles import PALETTES, initials, palette_of
from domain.sharing.rules import Link

_HERE = Path(__file__).parent
_STYLE = _HERE.joinpath("landing.css").read_text("utf-8") + "".join(
    f".p{number} {{ background: linear-gradient(135deg, {first}, {last}); }}\n"
    for number, (first, last) in enumerate(PALETTES)
)
_PAGE = Template(_HERE.joinpath("landing.html").read_text("utf-8"))
HEADERS = {
    "cache-control": "private, max-age=60",
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'",
            "img-src https: data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
}


def page_of(card: Card, link: Link, *, sharer: str, home: str, poster: str | None, opens: str | None) -> Response:
    """The page of a link: its card, the button that `opens` the mini-program if there is one, and a code of the page itself.

    A preview in a chat shows the poster, where one is made, or else the product's picture.
    """
    address, subject = f"{home}/s/{link.token}", str(link.target_id)
    invitation = INVITATIONS[link.target_kind]
    amount = _amount(card.price) if card.price else ""
    said = " · ".join(filter(None, (f"{sharer} {invitation}", amount, card.subtitle)))
    shown = _shown(card.picture_url)
    picture = poster or shown
    meta = {
        "description": said,
        "og:type": "website",
        "og:site_name": "夜市",
        "og:locale": "zh_CN",
        "og:title": card.title,
        "og:description": said,
        "og:url": address,
        "og:image": picture,
        "twitter:card": "summary_large_image" if picture else "summary",
        "twitter:title": card.title,
        "twitter:description": said,
        "twitter:image": picture,
    }
    body = f"""\
<p class="sharer"><span class="portrait p{palette_of(sharer)}">{escape(sharer[0])}</span>
<span><b>{escape(sharer)}</b> {invitation}</span></p>
<article class="card">
<div class="picture p{palette_of(subject)}">{escape(initials(card.title))}{_image(shown) if shown else ""}</div>
<div class="facts">
<p class="prices">{_price(card.price) if card.price else ""}{_struck(card.struck_price)}{_note(card)}</p>
<h1>{escape(card.title)}</h1>
{f'<a class="open" href="{escape(opens)}">打开小程序</a>' if opens else ""}
</div>
</article>
<section class="code"><img src="{_qr(address)}" alt="二维码"><p>长按识别，或用微信扫一扫</p></section>"""
    return _html(card.title, "\n".join(_meta(name, text) for name, text in meta.items() if text), body, 200)


def page_of_words(title: str, text: str, status: int) -> Response:
    """A page that has nothing to show."""
    return _html(title, "", f'<div class="words"><h1>{title}</h1><p>{text}</p></div>', status)


def _html(title: str, meta: str, body: str, status: int) -> Response:
    text = _PAGE.substitute(title=escape(title), meta=meta, style=_STYLE, body=body)
    return HTMLResponse(text, status, HEADERS if status == 200 else HEADERS | {"cache-control": "no-store"})


def _meta(name: str, text: str) -> str:
    key = "property" if name.startswith("og:") else "name"
    return f'<meta {key}="{name}" content="{escape(text)}">'


def _image(url: str) -> str:
    return f'<img src="{escape(url)}" alt="" referrerpolicy="no-referrer">'


def _shown(url: str | None) -> str | None:
    """A picture's address, if browsers may be sent there."""
    return url if url is not None and urlsplit(url).scheme in {"http", "https"} else None


def _price(price: Money) -> str:
    if price.minor == 0:
        return "<b>免费</b>"
    whole, _, fraction = price.amount.partition(".")
    return f"<span><small>{_sign(price)}</small><b>{whole}</b><small>.{fraction}</small></span>"


def _struck(price: Money | None) -> str:
    return f"<s>{escape(_amount(price))}</s>" if price else ""


def _note(card: Card) -> str:
    if not card.is_open:
        return '<span class="note over">已结束</span>' if not card.subtitle else _pill(card.subtitle, "note over")
    return _pill(card.subtitle, "note") if card.subtitle else ""


def _pill(text: str, kind: str) -> str:
    return f'<span class="{kind}">{escape(text)}</span>'


def _amount(price: Money) -> str:
    return f"{_sign(price)}{price.amount}" if price.minor else "免费"


def _sign(price: Money) -> str:
    return "¥" if price.currency == "CNY" else f"{price.currency} "


@lru_cache(maxsize=1024)
def _qr(address: str) -> str:
    return segno.make_qr(address, error="m").png_data_uri(scale=4, border=2)
