-- Tells the gate who watches a room by one process, and who has left.
--
-- KEYS[1]  {room:<id>}:present   sorted set: viewer -> when they were last told of, in milliseconds of this server
-- ARGV[1]  milliseconds after which somebody who was not told of is gone
-- ARGV[2]  how many have left; for each of them two arguments: the viewer, and when this process told of them last
-- then     who watches
--
-- Gives back now, in milliseconds. Somebody who has left stays where another process has told of them since.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last_left = 2 + 2 * ARGV[2]
for at = 3, last_left, 2 do
  local told = redis.call('ZSCORE', KEYS[1], ARGV[at])
  if told and tonumber(told) <= tonumber(ARGV[at + 1]) then
    redis.call('ZREM', KEYS[1], ARGV[at])
  end
end
for at = last_left + 1, #ARGV do
  redis.call('ZADD', KEYS[1], now, ARGV[at])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return now
