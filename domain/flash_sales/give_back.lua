-- Give back what tickets took; while the gate is open the units go to the waiting line, first come first served, and
-- what is left to free stock.
--
-- KEYS  as in claim.lua, 1 to 6
-- ARGV  two for each ticket: ticket, units for the gate (0: the ledger has none to give). None: only serve the waiting line.
-- Gives -1 when the gate is cold (nothing done: try again), else how many tickets were given back. A ticket that the gate
-- does not know, or that was given back before, changes nothing: calling twice is safe.

local gate = redis.call('HMGET', KEYS[1], 'epoch', 'free', 'queued', 'waited', 'served', 'open')
if not gate[1] then return -1 end
local free, queued, waited, served = tonumber(gate[2]), tonumber(gate[3]), tonumber(gate[4]), tonumber(gate[5])
local given = 0

for i = 1, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[4], ARGV[i])
  if known then
    local shopper, quantity = string.match(known, '^%a%d+:([^:]+):(%d+)$')
    redis.call('HDEL', KEYS[4], ARGV[i])
    local units = redis.call('HINCRBY', KEYS[2], shopper, -quantity)
    if units <= 0 then redis.call('HDEL', KEYS[2], shopper) end
    free, given = free + tonumber(ARGV[i + 1]), given + 1
  end
end

while gate[6] == '1' and waited > served do
  local entry = redis.call('LINDEX', KEYS[6], 0)
  if not entry then served = waited break end
  local ticket, shopper, quantity = string.match(entry, '^([^:]+):([^:]+):(%d+):')
  quantity = tonumber(quantity)
  if quantity > free then break end
  redis.call('LPOP', KEYS[6])
  free, queued, served = free - quantity, queued + 1, served + 1
  redis.call('XADD', KEYS[5], '*', 'c', entry)
  redis.call('HSET', KEYS[4], ticket, 'q' .. queued .. ':' .. shopper .. ':' .. quantity)
end

redis.call('HSET', KEYS[1], 'free', free, 'queued', queued, 'served', served)
return given
