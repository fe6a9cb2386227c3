-- Takes the result whose link dies first of those that may be tried now, under a lease.
-- KEYS: keep now, keep later
-- ARGV: now (ms), end of the lease (ms), a member that is asked about
-- Answers the member taken ("" for none), and of the one asked about: "" when nothing is owed,
-- else when it may be taken (ms; 0: now).
-- A member ends in "/" and the moment until which it is tried: its score among those to keep now.

local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, 100)
for _, member in ipairs(due) do
  redis.call('ZREM', KEYS[2], member)
  redis.call('ZADD', KEYS[1], string.match(member, '/(%d+)$') or 0, member)
end
local taken = redis.call('ZRANGE', KEYS[1], 0, 0)[1] or ''
if taken ~= '' then
  redis.call('ZREM', KEYS[1], taken)
  redis.call('ZADD', KEYS[2], ARGV[2], taken)
end
if redis.call('ZSCORE', KEYS[1], ARGV[3]) then return { taken, '0' } end
return { taken, redis.call('ZSCORE', KEYS[2], ARGV[3]) or '' }
