-- Says of all results of a generation that they are erased, before their files are. What is being
-- copied stays owed: whoever copies it finds this out, and removes the file.
-- KEYS: kept results
-- ARGV: the new state (JSON)
-- Answers all that was noted before, as HGETALL does.

local before = redis.call('HGETALL', KEYS[1])
for at = 1, #before, 2 do
  if string.match(before[at], '^%d+$') then redis.call('HSET', KEYS[1], before[at], ARGV[1]) end
end
return before
