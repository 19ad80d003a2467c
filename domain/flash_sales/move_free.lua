-- Add units to a bucket's free ones, or (below zero) take them away.
--
-- KEYS  1 gate, as in claim.lua
-- ARGV  1 units   2 epoch
-- Gives 1 when done, 0 when the bucket has too few, is cold or of another epoch, and then nothing was done.

local gate = redis.call('HMGET', KEYS[1], 'epoch', 'free')
if gate[1] ~= ARGV[2] then return 0 end
local free = tonumber(gate[2]) + tonumber(ARGV[1])
if free < 0 then return 0 end
redis.call('HSET', KEYS[1], 'free', free)
return 1
