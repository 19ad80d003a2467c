-- Open (or reopen) a gate from the ledger's figures. What still stands in the queue and in the waiting line keeps its place.
--
-- KEYS  as in claim.lua, 1 to 6. shoppers, requests and tickets hold what the ledger knows; the gate's hash is gone (cold).
-- ARGV  1 epoch   2 open (1 or 0)   3 free units in the ledger   4 per_shopper   5 waiting places
-- Gives the free units of the gate: the ledger's less what the queue has already taken.

local function register(entry, state, sequence)
  local ticket, shopper, quantity, request = string.match(entry, '^([^:]+):([^:]+):(%d+):%d+:(.+)$')
  if redis.call('HSETNX', KEYS[4], ticket, state .. sequence .. ':' .. shopper .. ':' .. quantity) == 0 then return nil end
  redis.call('HINCRBY', KEYS[2], shopper, quantity)
  redis.call('HSET', KEYS[3], shopper .. '/' .. request, quantity .. ':' .. ticket)
  return tonumber(quantity)
end

local free, queued, waited = tonumber(ARGV[3]), 0, 0
for _, message in ipairs(redis.call('XRANGE', KEYS[5], '-', '+')) do
  queued = queued + 1
  -- a ticket that the ledger has decided already took its unit there
  free = free - (register(message[2][2], 'q', queued) or 0)
end
for _, entry in ipairs(redis.call('LRANGE', KEYS[6], 0, -1)) do
  waited = waited + 1
  register(entry, 'w', waited)
end
free = math.max(free, 0)
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'open', ARGV[2], 'free', free, 'per_shopper', ARGV[4], 'places', ARGV[5],
  'queued', queued, 'drained', 0, 'waited', waited, 'served', 0)
return free
