-- Says of all results of a generation that they are erased, before their files are. What is being
-- copied stays owed: whoever copies it finds this out, and removes the file.
-- KEYS: kept results
-- ARGV: the new state (JSON); the name of a file of our own is carried over, for whoever asks again
-- Answers all that was noted before, as HGETALL does.

local before = redis.call('HGETALL', KEYS[1])
for at = 1, #before, 2 do
  if string.match(before[at], '^%d+$') then
    local state = ARGV[1]
    local own = string.match(before[at + 1], '"ownFile":"([%w%._-]+)"')
    if own then state = string.sub(state, 1, -2) .. ',"ownFile":"' .. own .. '"}' end
    redis.call('HSET', KEYS[1], before[at], state)
  end
end
return before
