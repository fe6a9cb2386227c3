-- Records a new generation, unless its tenant used the same idempotency key before.
-- KEYS: record, schedule, idempotency entry (absent when there is no key)
-- ARGV: record value, generation id, due (ms), idempotency value, idempotency lifetime (ms)
-- Answers the idempotency entry that was there already, or false when the record is new.

-- Whatever can raise comes first: a record without its place in the schedule would be lost.
local function must(isSo, what)
  if not isSo then error('catwalk create: ' .. what) end
end
must(string.match(ARGV[1], '^%d+\n'), 'a value')
must(string.match(ARGV[3], '^%-?%d+%.?%d*$'), 'a due time')
if KEYS[3] then
  must(ARGV[4], 'an idempotency value')
  must(string.match(ARGV[5] or '', '^[1-9]%d*$') and #ARGV[5] <= 15, 'a lifetime')
  local earlier = redis.call('GET', KEYS[3])
  if earlier then return earlier end
end
-- A client that lost the connection sends this again, perhaps when the record has moved on already.
if redis.call('EXISTS', KEYS[1]) == 0 then
  -- The only write that can still raise, if the key holds something else.
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[2])
  redis.call('SET', KEYS[1], ARGV[1])
  if KEYS[3] then redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[5]) end
end
return false
