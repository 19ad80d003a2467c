-- Shoppers who ask to be let in to one sale, in their order, as one step: numbers, turns, and how many come in a second.
--
-- KEYS  1 line    hash  last (highest number given), second (since the opening), admitted (in that second)
--       2 places  hash  shopper -> number, or in:number once let in
-- ARGV  1 rate (a second)   2 burst   3 when the sale's first door opens (Unix time in ms)   4 ms from then on until the keys go
--       5 to 7 the least that last, second and admitted can be: what the asking process has seen, should the keys be lost
--       then two for each: shopper, and the number of a signed place or -1
-- Gives ms since the opening, last, second, admitted, then two for each: number, 1 when let in and 0 when still waiting
--
-- The time is the node's own: a process whose clock is ahead would end the second for everybody.
-- Number n has its turn once n < rate * seconds + burst. Whoever comes while nobody waits gets the number whose turn it is,
-- so what nobody has used is lost. In no second since the opening more than `rate` come in, late ones among them.

local time = redis.call('TIME')
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local elapsed = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[3])
local line = redis.call('HMGET', KEYS[1], 'last', 'second', 'admitted')
local function at_least(known, floor) return math.max(tonumber(known or floor), tonumber(floor)) end
local last = at_least(line[1], ARGV[5])
local stored, floor = tonumber(line[2] or -1), tonumber(ARGV[6])
local second, admitted = stored, tonumber(line[3] or 0)
if floor > stored then second, admitted = floor, tonumber(ARGV[7])
elseif floor == stored then admitted = math.max(admitted, tonumber(ARGV[7])) end
local this_second = math.floor(elapsed / 1000)
if this_second > second then second, admitted = this_second, 0 end

local now_at = math.floor(elapsed * rate / 1000)
local answers = {}
for i = 8, #ARGV, 2 do
  local shopper, number, is_in = ARGV[i], tonumber(ARGV[i + 1]), false
  local known = redis.call('HGET', KEYS[2], shopper)
  if known then
    is_in = string.sub(known, 1, 3) == 'in:'
    number = tonumber(is_in and string.sub(known, 4) or known)
  elseif number < 0 then
    number = math.max(last + 1, now_at)
  end
  last = math.max(last, number)
  if not is_in and number < now_at + burst and admitted < rate then
    is_in, admitted = true, admitted + 1
  end
  local place = string.format('%.0f', number)
  redis.call('HSET', KEYS[2], shopper, is_in and 'in:' .. place or place)
  answers[#answers + 1], answers[#answers + 2] = number, is_in and 1 or 0
end

redis.call('HSET', KEYS[1], 'last', string.format('%.0f', last), 'second', second, 'admitted', admitted)
for i = 1, 2 do redis.call('PEXPIRE', KEYS[i], string.format('%.0f', ARGV[4] - elapsed)) end
return {elapsed, last, second, admitted, unpack(answers)}
