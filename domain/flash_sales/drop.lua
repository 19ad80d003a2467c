-- Take decided tickets off the queue and move those behind them up, as one step.
--
-- KEYS  1 gate   2 queue, as in claim.lua
-- ARGV  message ids of the queue
-- Gives how many were there. A cold gate stays cold; dropping twice counts once.

local dropped = 0
for i = 1, #ARGV do dropped = dropped + redis.call('XDEL', KEYS[2], ARGV[i]) end
if dropped > 0 and redis.call('HEXISTS', KEYS[1], 'epoch') == 1 then
  redis.call('HINCRBY', KEYS[1], 'drained', dropped)
end
return dropped
