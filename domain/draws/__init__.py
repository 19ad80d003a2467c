"""Lucky draws (抽奖): prizes for viewers of a live room, drawn so that anybody can repeat it.

Words: lucky draw 抽奖, prize 奖品, piece 奖品份数, draw entry 参与记录 (numbered from 1), commitment 承诺值 (the seed's SHA-256,
told when the draw opens), seed 随机种子 (told when it is drawn), entries digest 名单摘要, winner 中奖者, prize code 领奖码.
All that is promised is published when a draw opens and stays as it is; who wins follows from the seed and the entries.
Leans on room chat (whoever is banned does not enter), live rooms, orders, stores and accounts.
"""
