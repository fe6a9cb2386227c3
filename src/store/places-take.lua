-- Places among the tasks that a provider works on at once: each gets its own from before, or a free one.
-- KEYS: the provider's running tasks
-- ARGV: how many there may be, now (ms), ids
-- Answers for each id: 1 when it has a place, else 0.

-- Whatever can raise comes first.
local limit, now = tonumber(ARGV[1]), tonumber(ARGV[2])
if not (limit and now and limit >= 1 and now > 0) then error('catwalk places: a limit or a time') end

local taken = redis.call('ZCARD', KEYS[1])
local answers = {}
for place = 3, #ARGV do
  local has = redis.call('ZSCORE', KEYS[1], ARGV[place])
  if not has and taken < limit then
    taken = taken + 1
    has = true
  end
  if has then redis.call('ZADD', KEYS[1], now, ARGV[place]) end
  answers[#answers + 1] = has and 1 or 0
end
return answers
