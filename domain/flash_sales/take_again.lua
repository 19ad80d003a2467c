-- Take units for an order that was paid after its hold had lapsed, so that the gate never promises them to somebody else.
--
-- KEYS  as in claim.lua, 1, 2 and 4
-- ARGV  1 ticket   2 shopper   3 quantity
-- Gives -1 when the gate is cold (try again), 1 when taken (again: still 1), 0 when too few are free.

local gate = redis.call('HMGET', KEYS[1], 'epoch', 'free')
if not gate[1] then return -1 end
if redis.call('HEXISTS', KEYS[3], ARGV[1]) == 1 then return 1 end
local free, quantity = tonumber(gate[2]), tonumber(ARGV[3])
if free < quantity then return 0 end
redis.call('HSET', KEYS[1], 'free', free - quantity)
redis.call('HINCRBY', KEYS[2], ARGV[2], quantity)
redis.call('HSET', KEYS[3], ARGV[1], 'q0:' .. ARGV[2] .. ':' .. quantity)
return 1
