-- Notes the results of one generation that are to be kept, the first time it is asked to.
-- KEYS: kept results, keep now, kept until
-- ARGV: tenant, kept until (ms), "1" if its completion waits else "", then for each result:
--       index, state (JSON), member, try until (ms)
-- Answers all that is noted of the generation, as HGETALL does.

local function must(isSo, what)
  if not isSo then error('catwalk keep: ' .. what) end
end
must(#ARGV >= 7 and (#ARGV - 3) % 4 == 0, 'arguments')
must(string.match(ARGV[2], '^%d+$'), 'kept until')
for at = 4, #ARGV, 4 do
  must(string.match(ARGV[at], '^%d+$') and string.match(ARGV[at + 3], '^%d+$'), 'a result')
end

if redis.call('EXISTS', KEYS[1]) == 0 then
  local id = string.match(ARGV[6], '^[^/]+')
  redis.call('HSET', KEYS[1], 'tenant', ARGV[1], 'waits', ARGV[3])
  for at = 4, #ARGV, 4 do
    redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
    redis.call('ZADD', KEYS[2], ARGV[at + 3], ARGV[at + 2])
  end
  redis.call('ZADD', KEYS[3], ARGV[2], id)
end
return redis.call('HGETALL', KEYS[1])
