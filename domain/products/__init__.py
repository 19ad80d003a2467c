"""Products (商品): what is for sale, in which SKUs, and how shoppers find it.

Words: product 商品, SKU 规格 (one buyable combination of options), category 类目, vendor 品牌方, draft 草稿,
published 已上架; a listing is a product as a merchant describes it, in a file or in full: ids, dates and units apart.
Leans on foundation only; units are the business of `stock`.
"""
