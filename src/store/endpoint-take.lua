-- May a callback to this endpoint be made now, in this lane? After endpoint-fields.lua.
-- KEYS: the tenant's endpoints in trouble; its callbacks that wait for them; its callbacks under way
--       in this lane; its lines of this lane
-- ARGV: now (ms), endpoint, event, "fast" or "slow", "1" when it stays in the slow lane, a name for
--       this try, how long that holds its place at most (ms), places for one endpoint, places for
--       the tenant, how long one takes while nobody knows (ms), the longest wait (ms), how long it
--       may be counted as waiting (ms), the most that are counted
-- Answers "go"; "fast" or "slow", the lane it is to move to; "disabled"; or "wait", with how long
-- (ms): those without a place stand in line, so that they come back one by one, at the pace at which
-- places get free, and hold nothing meanwhile.
local endpoint, event, lane, stays, try = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local now, lease, per_endpoint, per_tenant, guess, longest, counted_ms, most =
  numbers(ARGV[1], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13])
local waiting = endpoint .. ' ' .. event
local count_waiting = redis.call('ZCARD', KEYS[2])

local trouble = decode(redis.call('HGET', KEYS[1], endpoint), now)
if trouble and trouble.disabled_at > 0 then
  redis.call('ZREM', KEYS[2], waiting)
  return { 'disabled', 0 }
end
if lane == 'fast' and trouble and trouble.open then
  if count_waiting < most then
    redis.call('ZADD', KEYS[2], text(now + counted_ms), waiting)
    redis.call('PEXPIRE', KEYS[2], text(counted_ms))
  end
  return { 'slow', 0 }
end
if lane == 'slow' and not trouble and stays ~= '1' then
  redis.call('ZREM', KEYS[2], waiting)
  return { 'fast', 0 }
end

-- What a crash left holds its place no longer than its lease.
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', text(now))
local under_way = redis.call('ZRANGE', KEYS[3], 0, -1)
local of_endpoint = 0
for _, one in ipairs(under_way) do
  if string.sub(one, 1, #endpoint + 1) == endpoint .. ' ' then of_endpoint = of_endpoint + 1 end
end
if of_endpoint < per_endpoint and #under_way < per_tenant then
  redis.call('ZADD', KEYS[3], text(now + lease), endpoint .. ' ' .. try)
  redis.call('PEXPIRE', KEYS[3], text(lease))
  return { 'go', 0 }
end

-- A tenant of very many endpoints has one line for all of them.
local is_full = of_endpoint >= per_endpoint
local has_line = redis.call('HEXISTS', KEYS[4], endpoint) == 1 or redis.call('HLEN', KEYS[4]) < 100
local line = is_full and has_line and endpoint or ''
local line_end, pace = string.match(redis.call('HGET', KEYS[4], line) or '', '^(%d+) (%d+)$')
pace = tonumber(pace) or guess
local places = is_full and math.min(per_endpoint, per_tenant) or per_tenant
local step = math.max(1, math.ceil(pace / places))
local at = math.min(math.max(tonumber(line_end) or 0, now) + step, now + longest)
redis.call('HSET', KEYS[4], line, text(at) .. ' ' .. text(pace))
redis.call('PEXPIRE', KEYS[4], text(2 * longest))
return { 'wait', at - now }
