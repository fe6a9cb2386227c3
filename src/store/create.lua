-- Records a new generation, unless its tenant used the same idempotency key before, or asks for more
-- than it may. After turns.lua and admission.lua.
-- KEYS: record, schedule, idempotency entry (absent when there is no key)
-- ARGV: record value, generation id, due (ms), idempotency value, idempotency lifetime (ms), prefix,
--       provider, tenant, lane ("" when it does not stand in line), asked for at (ms), now (ms),
--       places of the provider ("" for no limit), then the tenant's limits, see admission.lua
-- Answers "earlier" and the idempotency entry that was there already; "refused", which limit, how
-- full it is, its size and when to ask again (ms from now); or "created" and whose turn it is by now
-- (id, provider, time of each).

-- Whatever can raise comes first: a record without its place in the schedule would be lost.
local function must(isSo, what)
  if not isSo then error('catwalk create: ' .. what) end
end
must(string.match(ARGV[1], '^%d+\n'), 'a value')
must(string.match(ARGV[3], '^%-?%d+%.?%d*$'), 'a due time')
local asked_at, now = tonumber(ARGV[10]), tonumber(ARGV[11])
must(asked_at and now, 'a time')
if KEYS[3] then
  must(ARGV[4], 'an idempotency value')
  must(string.match(ARGV[5] or '', '^[1-9]%d*$') and #ARGV[5] <= 15, 'a lifetime')
  local earlier = redis.call('GET', KEYS[3])
  if earlier then return { 'earlier', earlier } end
end
local id, tenant, lane = ARGV[2], ARGV[8], ARGV[9]
local keys = keys_of(ARGV[6], ARGV[7])
local answer = { 'created' }
-- A client that lost the connection sends this again, perhaps when the record has moved on already.
if redis.call('EXISTS', KEYS[1]) == 1 then
  local at = redis.call('ZSCORE', keys.turn, id)
  return at and { 'created', id, keys.provider, at } or answer
end
check_keys(keys, tenant)
local refusal = refused(ARGV[6], keys, tenant, now, 13)
if refusal then return refusal end

-- The only write that can still raise, if the key holds something else.
redis.call('ZADD', KEYS[2], ARGV[3], id)
redis.call('SET', KEYS[1], ARGV[1])
if KEYS[3] then redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[5]) end
if lane ~= '' then
  stand_in_line(keys, tenant, lane, id, asked_at, now, answer)
  give_turns(keys, now, tonumber(ARGV[12]) or math.huge, answer)
end
return answer
