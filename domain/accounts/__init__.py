"""Accounts (账户): the people of the market, their roles and the tokens that prove who they are.

Words: shopper 顾客, host 主播, leader 团长, merchandiser 商品运营, finance 财务, admin 管理员; identity 登录身份; access
token 访问令牌, refresh token 刷新令牌, session 登录会话, revocation 令牌吊销; one-time
password 初始密码, second factor 动态码, ban 停用.
Leans on the trail.
"""
