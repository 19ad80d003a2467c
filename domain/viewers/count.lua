-- Counts who watches a room now, and its likes.
--
-- KEYS[1]  {room:<id>}:present   sorted set: viewer -> when they were last told of, in milliseconds of this server
-- KEYS[2]  {room:<id>}:likes     hash: base, taps; together the room's likes
-- ARGV[1]  milliseconds after which somebody who was not told of is gone
-- ARGV[2]  likes that are known for certain
-- ARGV[3]  milliseconds for which likes are kept
--
-- Gives back {watching now, likes}. Likes that the gate has lost come back from what is known: taps go on from there.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = tonumber(ARGV[2])
local base = redis.call('HGET', KEYS[2], 'base')
local taps = tonumber(redis.call('HGET', KEYS[2], 'taps') or 0)
if not base then
  base = known
elseif base + taps < known then
  base = known - taps
end
redis.call('HSET', KEYS[2], 'base', base)
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {redis.call('ZCOUNT', KEYS[1], now - ARGV[1], '+inf'), base + taps}
