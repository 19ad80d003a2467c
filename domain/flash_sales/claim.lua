-- Claims of one lane, in their order, as one step: stock, limit per shopper, replay and the queue.
--
-- KEYS  1 gate      hash    epoch, open, free, per_shopper, places, queued, drained, waited, served
--       2 shoppers  hash    shopper -> units queued, waiting, reserved or paid
--       3 requests  hash    shopper/request -> quantity:ticket
--       4 tickets   hash    ticket -> state sequence:shopper:quantity      state q (queued) or w (waiting)
--       5 queue     stream  c -> ticket:shopper:quantity:claimed ms:request
--       6 waiting   list    the same text
--       7 seconds   hash    second:answer -> claims, for the statistics
-- ARGV  1 epoch   2 now in ms   then four for each claim: shopper, request, ticket, quantity
-- Gives one text per claim:  queued:position:ticket  waiting:position:ticket  soldout:0:  short:left:  limit:units held:
--                            conflict:0:  stale:0:  closed:0:  cold:0:
-- The rule stands a second time in rules.py (`Lane.claim`); one table of cases runs through both.

local gate = redis.call('HMGET', KEYS[1],
  'epoch', 'open', 'free', 'per_shopper', 'places', 'queued', 'drained', 'waited', 'served')
local refused
if not gate[1] then refused = 'cold:0:'
elseif gate[1] ~= ARGV[1] then refused = 'stale:0:' end

local is_open = gate[2] == '1'
local free, per_shopper, places = tonumber(gate[3]), tonumber(gate[4]), tonumber(gate[5])
local queued, drained = tonumber(gate[6]), tonumber(gate[7])
local waited, served = tonumber(gate[8]), tonumber(gate[9])
local before_queued, before_waited = queued, waited
local answers, seconds = {}, {}

-- where a ticket stands now: how many are before it, and itself
local function standing(ticket)
  local known = redis.call('HGET', KEYS[4], ticket)
  if not known then return 'queued:0:' .. ticket end
  local state, sequence = string.match(known, '^(%a)(%d+)')
  if state == 'w' then return 'waiting:' .. (sequence - served) .. ':' .. ticket end
  return 'queued:' .. math.max(sequence - drained, 0) .. ':' .. ticket
end

local function claim(shopper, request, ticket, quantity)
  local known = redis.call('HGET', KEYS[3], shopper .. '/' .. request)
  if known then
    local then_quantity, then_ticket = string.match(known, '^(%d+):(.+)$')
    if tonumber(then_quantity) ~= quantity then return 'conflict:0:' end
    return standing(then_ticket)
  end
  if not is_open then return 'closed:0:' end
  local units = tonumber(redis.call('HGET', KEYS[2], shopper) or '0')
  if units + quantity > per_shopper then return 'limit:' .. units .. ':' end

  local entry = ticket .. ':' .. shopper .. ':' .. quantity .. ':' .. ARGV[2] .. ':' .. request
  local answer, place
  if waited == served and free >= quantity then
    free, queued = free - quantity, queued + 1
    redis.call('XADD', KEYS[5], '*', 'c', entry)
    answer, place = 'queued:' .. (queued - drained) .. ':' .. ticket, 'q' .. queued
  elseif waited == served and free > 0 then
    return 'short:' .. free .. ':'
  elseif waited - served < places then
    waited = waited + 1
    redis.call('RPUSH', KEYS[6], entry)
    answer, place = 'waiting:' .. (waited - served) .. ':' .. ticket, 'w' .. waited
  else
    return 'soldout:0:'
  end
  redis.call('HSET', KEYS[2], shopper, units + quantity)
  redis.call('HSET', KEYS[3], shopper .. '/' .. request, quantity .. ':' .. ticket)
  redis.call('HSET', KEYS[4], ticket, place .. ':' .. shopper .. ':' .. quantity)
  return answer
end

for i = 3, #ARGV, 4 do
  local answer = refused or claim(ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]))
  answers[#answers + 1] = answer
  local kind = string.match(answer, '^%a+')
  seconds[kind] = (seconds[kind] or 0) + 1
end

if queued ~= before_queued or waited ~= before_waited then
  redis.call('HSET', KEYS[1], 'free', free, 'queued', queued, 'waited', waited)
end
if not refused then
  local second = string.sub(ARGV[2], 1, -4)
  for kind, count in pairs(seconds) do redis.call('HINCRBY', KEYS[7], second .. ':' .. kind, count) end
end
return answers
