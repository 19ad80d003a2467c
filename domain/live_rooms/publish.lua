-- Tell something in a room; events are kept for those who come back, and the newest counters for those who come later.
--
-- KEYS  1 the room's stream of events, 2 its counters
-- ARGV  1 the room's channel, 2 the message (its first byte says what it is: 'c' for counters), 3 events to keep,
--       4 seconds to keep them, then two for each event: number, text
-- Gives how many listen.
-- An event that comes after a later one is not kept: the stream has a hole then, and whoever reads it sees that by the
-- numbers. Another event of a number that is kept tells that the ledger was restored to an earlier moment: the stream
-- begins anew. A server before Redis 7 has no sharded channels.

local function keep(number, text)
  return redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], number .. '-0', 'e', text)
end

for i = 5, #ARGV, 2 do
  local number, text = ARGV[i], ARGV[i + 1]
  if type(keep(number, text)) == 'table' then
    local kept = redis.pcall('XRANGE', KEYS[1], number, number)[1]
    if kept and kept[2][2] ~= text then
      redis.call('DEL', KEYS[1])
      keep(number, text)
    end
  end
end
if #ARGV > 4 then redis.pcall('EXPIRE', KEYS[1], ARGV[4]) end
if string.sub(ARGV[2], 1, 1) == 'c' then redis.pcall('SET', KEYS[2], string.sub(ARGV[2], 2), 'EX', ARGV[4]) end

local listen = redis.pcall('SPUBLISH', ARGV[1], ARGV[2])
if type(listen) == 'table' then listen = redis.call('PUBLISH', ARGV[1], ARGV[2]) end
return listen
