"""Accounts (账户): the people of the market, their roles and the tokens that prove who they are.

Words: shopper 顾客, host 主播, leader 团长, merchandiser 商品运营, finance 财务, admin 管理员; identity 登录身份.
Leans on foundation only.
"""
