"""A synthetic catalogue: how fast it is imported, and how long shoppers then wait for the first page of a search.

The goods are made up by a seeded die, so two runs measure the same shop. Some words are planted: one on every second
product, one on every hundredth, one on every thousandth, a rare one, and one on one product in twenty-five that all
stand at the beginning of the file: the case in which a walk from the newest end finds nothing for a long time.
"""

import csv
import random
from collections.abc import Iterator
from pathlib import Path

MATERIALS = (
    "纯棉 真丝 竹纤维 亚麻 羊毛 陶瓷 不锈钢 实木 硅胶 玻璃 藤编 帆布 牛皮 铸铁 天鹅绒 雪纺 灯芯绒 莫代尔".split()
)
STYLES = "简约 复古 日式 北欧 国潮 可爱 轻奢 田园 商务 运动 户外 便携 加厚 透气 防水 静音 折叠 大容量 儿童 情侣".split()
GOODS = (
    "四件套 毛巾 浴巾 拖鞋 保温杯 炒锅 砧板 台灯 抱枕 窗帘 地毯 雨伞 双肩包 行李箱 衬衫 卫衣 牛仔裤 连衣裙 袜子 围巾 帽子 "
    "手机壳 数据线 充电宝 耳机 键盘 鼠标垫 笔记本 钢笔 茶具 茶叶 咖啡 坚果 牛肉干 火锅底料 螺蛳粉 面膜 洗发水 牙刷 香薰 "
    "猫粮 狗粮 猫砂 玩具 积木 拼图 跑鞋 瑜伽垫 哑铃 帐篷"
).split()
PLACES = "家居 厨房 服饰 箱包 数码 文具 食品 美妆 宠物 母婴 运动 户外".split()
COLOURS = "米白 雾灰 藏青 墨绿 砖红 奶黄 烟粉 焦糖".split()
SIZES = "S M L XL".split()
HEADER = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,"
    "Variant Grams,Variant Inventory Qty,Variant Price,Variant Compare At Price,Image Src,Image Position,Cost per item"
).split(",")
IMAGES = "https://images.example.com/bench/"


def write_catalogue(path: Path, *, skus: int, seed: int = 1) -> None:
    """A file in the old layout with exactly so many SKUs, two and a half to a product on average."""
    dice = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        left, number = skus, 0
        while left:
            number += 1
            count = min(dice.choice((1, 1, 2, 2, 4, 5)), left)
            writer.writerows(_product(dice, number, count, share=1 - left / skus))
            left -= count


def _product(dice: random.Random, number: int, count: int, *, share: float) -> Iterator[list[object]]:
    """The rows of one product; `share` of the file stands before it."""
    good = GOODS[min(int(dice.expovariate(0.08)), len(GOODS) - 1)]
    words = [dice.choice(STYLES), dice.choice(MATERIALS), good]
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
    vendor = f"{dice.choice(PLACES)}{dice.choice('甲乙丙丁戊己庚辛壬癸')}店"
    tags = ", ".join(dice.sample(STYLES, 3))
    place = f"{dice.choice(PLACES)} > {good}"
    price = dice.randrange(500, 100_000)
    quantity = 0 if dice.random() < 0.3 else dice.randrange(1, 500)
    combinations = dice.sample([(colour, size) for colour in COLOURS for size in SIZES], count)
    for at, (colour, size) in enumerate(combinations):
        of_product: list[object] = [f"bench-{number}", "", "", "", "", "", "", "", colour, "", size]
        image: list[object] = ["", ""]
        if at == 0:
            body = f"<p>{title}，{''.join(dice.choices(STYLES, k=20))}。</p>"
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
