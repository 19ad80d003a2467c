"""A synthetic catalogue: how fast it is imported, and how long shoppers then wait for the first page of a search.

The goods are made up by a seeded die, so two runs measure the same shop. Some words are planted: one on every second
product, one on every hundredth, one on every thousandth, a rare one, and one on one product in twenty-five that all
stand at the beginning of the file: the case in which a walk from the newest end finds nothing for a long time.

    python -m benchmarks.catalogue --skus 1000000
"""

import argparse
import asyncio
import csv
import random
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks.figures import Figure, show
from domain import migrations
from domain.foundation import clock, embedded
from domain.foundation.database import Database
from domain.products.queries import all_categories
from domain.products.search import Among, Order, Wanted, page
from domain.stock.importing import import_file
from domain.stock.queries import in_stock

MATERIALS = "纯棉,真丝,竹纤维,亚麻,羊毛,陶瓷,不锈钢,实木,硅胶,玻璃,藤编,帆布,牛皮,铸铁,天鹅绒,雪纺,灯芯绒,莫代尔"
STYLES = "简约,复古,日式,北欧,国潮,可爱,轻奢,田园,商务,运动,户外,便携,加厚,透气,防水,静音,折叠,大容量,儿童,情侣"
GOODS = (
    "四件套,毛巾,浴巾,拖鞋,保温杯,炒锅,砧板,台灯,抱枕,窗帘,地毯,雨伞,双肩包,行李箱,衬衫,卫衣,牛仔裤,连衣裙,袜子,"
    "围巾,帽子,手机壳,数据线,充电宝,耳机,键盘,鼠标垫,笔记本,钢笔,茶具,茶叶,咖啡,坚果,牛肉干,火锅底料,螺蛳粉,面膜,"
    "洗发水,牙刷,香薰,猫粮,狗粮,猫砂,玩具,积木,拼图,跑鞋,瑜伽垫,哑铃,帐篷"
)
PLACES = "家居,厨房,服饰,箱包,数码,文具,食品,美妆,宠物,母婴,运动,户外"
COLOURS = "米白,雾灰,藏青,墨绿,砖红,奶黄,烟粉,焦糖"
STYLE, MATERIAL, GOOD, PLACE = (words.split(",") for words in (STYLES, MATERIALS, GOODS, PLACES))
COMBINATIONS = [(colour, size) for colour in COLOURS.split(",") for size in ("S", "M", "L", "XL")]
HEADER = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,"
    "Variant SKU,Variant Grams,Variant Inventory Qty,Variant Price,Variant Compare At Price,Image Src,Image Position,"
    "Cost per item"
)
IMAGES = "https://images.example.com/bench/"
TIMES = 20


@dataclass(frozen=True)
class Case:
    """A list that is asked for, and what it stands for."""

    name: str
    wanted: Wanted
    among: Among | None = None


async def measure(db: Database, file: Path) -> list[Figure]:
    """Import the file into an empty shop, then ask for the first page of every case, twenty times in each order."""
    started = perf_counter()
    report = await import_file(db, file, now=clock.now())
    seconds = perf_counter() - started
    assert report.skipped == 0, report.mistakes[:3]
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    figures = [
        Figure("SKUs imported", report.skus, "SKUs"),
        Figure("import", report.skus / seconds, "SKUs/s"),
        Figure("memory of the importing process, at most", used, "MB"),
    ]
    for case in await cases(db):
        waits = sorted([await first_page(db, case, order) for order in Order for _ in range(TIMES)])
        figures += [
            Figure(f"{case.name}, p50", waits[len(waits) // 2], "ms"),
            Figure(f"{case.name}, p95", waits[int(len(waits) * 0.95)], "ms", target="< 50"),
        ]
    return figures


async def cases(db: Database) -> list[Case]:
    """Rare, middling and common words, one that stands far from where a walk begins, and every way to narrow a list."""
    category_ids = {category.path: category.id for category in await all_categories(db)}
    return [
        Case("everything", Wanted()),
        Case("a rare word (1 in 100,000)", Wanted(search="孤品")),
        Case("a middling word (1 in 1,000)", Wanted(search="联名")),
        Case("a middling word (1 in 100)", Wanted(search="限定")),
        Case("a common word (1 in 2)", Wanted(search="新款")),
        Case("a phrase", Wanted(search="纯棉四件套")),
        Case("a single character", Wanted(search="锅")),
        Case("an unfinished Latin word", Wanted(search="m")),
        Case("a word on the oldest products only", Wanted(search="清仓")),
        Case("a large category", Wanted(category_id=category_ids["厨房"])),
        Case("a small category", Wanted(category_id=category_ids["宠物 > 帐篷"])),
        Case("a tag", Wanted(tag="复古")),
        Case("a vendor", Wanted(vendor="数码甲店")),
        Case("a narrow range of prices", Wanted(least_minor=5_000, most_minor=5_010)),
        Case("in stock", Wanted(), in_stock),
        Case("a middling word, in stock", Wanted(search="限定"), in_stock),
        Case(
            "all of them at once",
            Wanted(search="四件套", tag="复古", category_id=category_ids["厨房"], least_minor=1_000, most_minor=50_000),
            in_stock,
        ),
    ]


async def first_page(db: Database, case: Case, order: Order) -> float:
    """Milliseconds until the first twenty are here."""
    started = perf_counter()
    await page(db, case.wanted, order=order, first=20, among=case.among)
    return (perf_counter() - started) * 1000


def write_catalogue(path: Path, *, skus: int, seed: int = 1) -> None:
    """A file in the old layout with exactly so many SKUs, two and a half to a product on average."""
    dice = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER.split(","))
        left, number = skus, 0
        while left:
            number += 1
            count = min(dice.choice((1, 1, 2, 2, 4, 5)), left)
            writer.writerows(_product(dice, number, count, share=1 - left / skus))
            left -= count


def _product(dice: random.Random, number: int, count: int, *, share: float) -> Iterator[list[object]]:
    """The rows of one product; `share` of the file stands before it."""
    good = GOOD[min(int(dice.expovariate(0.08)), len(GOOD) - 1)]
    words = [dice.choice(STYLE), dice.choice(MATERIAL), good]
    if number % 2 == 0:
        words.insert(0, "新款")
    if number % 100 == 0:
        words.append("限定")
    if number % 1_000 == 0:
        words.append("联名")
    if number % 100_000 == 77:
        words.append("孤品")
    if share < 0.04:
        words.append("清仓")
    if number % 5 == 0:
        words.append(f"{dice.choice((250, 500, 750))}ml")
    title = "".join(words) + f" {dice.choice('ABCDEFGH')}{dice.randrange(1000)}"
    vendor = f"{dice.choice(PLACE)}{dice.choice('甲乙丙丁戊己庚辛壬癸')}店"
    tags = ", ".join(dice.sample(STYLE, 3))
    place = f"{dice.choice(PLACE)} > {good}"
    price = dice.randrange(500, 100_000)
    quantity = 0 if dice.random() < 0.3 else dice.randrange(1, 500)
    for at, (colour, size) in enumerate(dice.sample(COMBINATIONS, count)):
        of_product: list[object] = [f"bench-{number}", "", "", "", "", "", "", "", colour, "", size]
        image: list[object] = ["", ""]
        if at == 0:
            body = f"<p>{title}，{''.join(dice.choices(STYLE, k=20))}。</p>"
            of_product[1:8] = [title, body, vendor, place, tags, "TRUE", "颜色"]
            of_product[9] = "尺码"
            image = [f"{IMAGES}{number}.jpg", 1]
        yield [
            *of_product,
            f"B{number}-{at}",
            dice.randrange(50, 3_000),
            quantity,
            f"{(price + at * 100) / 100:.2f}",
            f"{price / 80:.2f}",
            *image,
            f"{price / 200:.2f}",
        ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure in a shop of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catalogue", description=__doc__)
    parser.add_argument("--skus", type=int, default=100_000, help="how many SKUs (1,000 to 5,000,000)")
    parser.add_argument("--json", action="store_true", help="JSON lines instead of a table")
    given = parser.parse_args(arguments)
    if not 1_000 <= given.skus <= 5_000_000:
        parser.error("--skus: 1,000 to 5,000,000")
    folder = Path(tempfile.mkdtemp(prefix="nm-bench-"))
    folder.chmod(0o711)  # as root, the engines run as another user who must pass through
    try:
        write_catalogue(folder / "catalogue.csv", skus=given.skus)
        with embedded.start(folder, redis=False, broker=False) as engines:
            migrations.upgrade(engines.database_url)
            figures = asyncio.run(_run(engines.database_url, folder / "catalogue.csv"))
        show(figures, as_json=given.json)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(url: str, file: Path) -> list[Figure]:
    db = Database.connect(url)
    try:
        return await measure(db, file)
    finally:
        await db.close()


if __name__ == "__main__":
    main()
