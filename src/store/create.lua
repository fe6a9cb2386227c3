-- Records a new generation, unless its tenant used the same idempotency key before.
-- KEYS: record, schedule, idempotency entry ("" when there is no key)
-- ARGV: record value, generation id, due (ms), idempotency value, idempotency lifetime (ms)
-- Answers the idempotency entry that was there already, or false when the record is new.
if KEYS[3] then
  local earlier = redis.call('GET', KEYS[3])
  if earlier then return earlier end
end
-- A client that lost the connection sends this again, perhaps when the record has moved on already.
if redis.call('SET', KEYS[1], ARGV[1], 'NX') then
  if KEYS[3] then redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[5]) end
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[2])
end
return false
