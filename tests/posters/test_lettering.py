"""Text on posters: what is drawn, how wide it is, and where lines break."""

from hashlib import sha256
from pathlib import Path

import pytest

from domain.posters import lettering
from domain.posters.lettering import drawable, fitted, width_of, wrapped
from domain.posters.tiles import initials


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("桂花酒酿", "桂花酒酿"),
        ("🔥爆款🔥 芒果🥭蛋糕", "爆款 芒果蛋糕"),
        ("👨‍👩‍👧‍👦一家人", "一家人"),
        ("𝓐𝓶𝔂", "Amy"),
        ("①号 Ⅲ级", "①号 Ⅲ级"),
        ("㊙️方", "秘方"),
        ("𠮷野家", "野家"),
        ("一\n二\t三\u3000四", "一 二 三 四"),
        ("a\u202eb\u200bc\x00d\ufeff", "abcd"),
        ("Crème brûlée ½", "Crème brûlée ½"),
        ("\ud83d", ""),
        ("🌸", ""),
        ("", ""),
    ],
)
def test_what_the_fonts_lack_is_left_out_and_fancy_letters_are_plain(text: str, drawn: str) -> None:
    assert drawable(text) == drawn


def test_every_character_of_gb_2312_can_be_drawn() -> None:
    rows = (bytes((row, cell)) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF))
    every = "".join(pair.decode("gb2312", "ignore") for pair in rows)

    assert len(every) == 6763
    assert drawable(every) == every


def test_a_chinese_character_is_as_wide_as_its_size_in_both_weights() -> None:
    assert [width_of("夜市", weight, 40) for weight in ("regular", "bold")] == [80, 80]


def test_what_fits_is_left_alone_and_what_does_not_ends_in_an_ellipsis() -> None:
    assert fitted("桂花酒酿", "bold", 40, 160) == "桂花酒酿"
    assert fitted("桂花酒酿", "bold", 40, 159) == "桂花…"
    assert fitted("桂花酒酿", "bold", 40, 5) == "…"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("桂花", ["桂花"]),
        ("桂花酒酿家庭装", ["桂花酒酿家", "庭装"]),
        ("桂花酒酿家，庭装", ["桂花酒酿", "家，庭装"]),  # no line begins with a comma
        ("桂花酒酿（家庭装）", ["桂花酒酿", "（家庭装）"]),  # no line ends with an opening bracket
        ("桂花 family 装", ["桂花", "family 装"]),  # a word stays whole
        ("Donaudampfschiff", ["Donauda", "mpfschiff"]),  # unless no line could hold it
        ("桂花酒酿家庭装两盒送一盒", ["桂花酒酿家", "庭装两盒…"]),
    ],
)
def test_lines_break_where_chinese_breaks(text: str, lines: list[str]) -> None:
    assert wrapped(text, "bold", 40, 210, lines=2) == lines


def test_a_text_of_any_characters_is_wrapped_within_its_width() -> None:
    for text in ("，" * 50, "（" * 50, "a" * 500, "…", " ", "a b " * 90):
        found = wrapped(text, "bold", 38, 670, lines=2)

        assert len(found) <= 2
        assert all(width_of(line, "bold", 38) <= 670 for line in found)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("桂花酒酿", "桂花"),
        ("【新】酒酿", "新酒"),
        ("Rice Wine", "RW"),
        ("🔥", "夜市"),
        ("T恤", "T恤"),
        ("茶", "茶"),
        ("Ångström ml", "ÅM"),
    ],
)
def test_a_tile_shows_the_beginning_of_the_title(title: str, shown: str) -> None:
    assert initials(title) == shown


def test_the_fonts_are_those_that_their_page_tells_of_and_their_license_is_beside_them() -> None:
    fonts = Path(lettering.__file__).parent / "fonts"
    told = (fonts / "README.md").read_text()

    for font in sorted(fonts.glob("*.otf")):
        assert f"| `{font.name}` | `{sha256(font.read_bytes()).hexdigest()}` |" in told
    assert "SIL OPEN FONT LICENSE Version 1.1" in (fonts / "OFL.txt").read_text()
