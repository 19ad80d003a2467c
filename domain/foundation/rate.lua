-- Requests counted against their limits, as one step (GCRA): a request that one of its limits refuses is charged to none.
--
-- KEYS  one text for each limit of each request, in order: microseconds until all that was spent has come back
-- ARGV  1 'ask', or 'tell' to charge whatever the limits say
--       then for each request: its number of limits, and three for each of them: interval in us, burst, cost (told: may be
--       negative, to give back)
-- Gives two numbers for each request:  us to wait, 0 when it was charged    the limit that says so, from 1 on
--                               told:  us until all has come back           0     of the one limit
-- The time is the node's own: processes whose clocks differ count alike.
-- The rule stands a second time in rates.py (`spend`); one table of cases runs through both.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local is_told = ARGV[1] == 'tell'
local answers, key, at = {}, 0, 2

while at <= #ARGV do
  local limits, wait, refused_by, after = tonumber(ARGV[at]), 0, 0, {}
  for i = 1, limits do
    local interval, burst, cost = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    at = at + 3
    after[i] = math.max(tonumber(redis.call('GET', KEYS[key + i]) or now), now) + cost * interval
    local missing = after[i] - burst * interval - now
    if missing > wait then wait, refused_by = missing, i end
  end
  if wait == 0 or is_told then
    for i = 1, limits do
      local left = after[i] - now
      if left > 0 then
        -- a number would be written with 14 digits, and these have 16
        redis.call('SET', KEYS[key + i], string.format('%.0f', after[i]), 'PX', math.ceil(left / 1000))
      else
        redis.call('DEL', KEYS[key + i])
      end
    end
  end
  if is_told then wait, refused_by = math.max(after[1] - now, 0), 0 end
  answers[#answers + 1], answers[#answers + 2] = wait, refused_by
  key, at = key + limits, at + 1
end
return answers
