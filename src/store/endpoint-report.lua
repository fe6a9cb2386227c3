-- What a callback showed of its endpoint; its place is free. After endpoint-fields.lua.
-- KEYS: the tenant's endpoints in trouble; its callbacks that wait for them; its callbacks under way
--       in this lane; its lines of this lane
-- ARGV: now (ms), endpoint, event, the try's name, "success" or "failure" or "ignored", the failure's
--       code, "1" when the event is tried no more, how long it took (ms), how long is slow (ms), how
--       many failed events open it, how long it only fails until it is disabled (ms), the most
--       endpoints that are remembered, how long it may be counted as waiting (ms), the most that are
--       counted
-- Answers what is new of the endpoint: "opened", "closed", "disabled" or "".
local endpoint, event, try, result, code, is_over =
  ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7] == '1'
local now, took, slow_ms, opens_at, disable_ms, most, counted_ms, most_counted =
  numbers(ARGV[1], ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13], ARGV[14])
local stored = redis.call('HGET', KEYS[1], endpoint)
local waiting = endpoint .. ' ' .. event
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now))
redis.call('ZREM', KEYS[3], endpoint .. ' ' .. try)

-- Only where somebody stood in line lately does anyone ask how long a callback takes.
for _, line in ipairs({ endpoint, '' }) do
  local known = redis.call('HGET', KEYS[4], line)
  local line_end, pace = string.match(known or '', '^(%d+) (%d+)$')
  if line_end and result ~= 'ignored' then
    local learned = math.floor((3 * tonumber(pace) + took) / 4)
    redis.call('HSET', KEYS[4], line, line_end .. ' ' .. text(learned))
  end
end

if is_over or result == 'success' then
  redis.call('ZREM', KEYS[2], waiting)
elseif result == 'failure' and redis.call('ZCARD', KEYS[2]) < most_counted then
  redis.call('ZADD', KEYS[2], text(now + counted_ms), waiting)
  redis.call('PEXPIRE', KEYS[2], text(counted_ms))
end

local trouble = decode(stored, now)
local is_slow = took >= slow_ms
if result == 'ignored' or (result == 'success' and is_slow and not trouble) then return '' end
if result == 'success' and not is_slow then
  if stored then redis.call('HDEL', KEYS[1], endpoint) end
  return trouble and (trouble.open or trouble.disabled_at > 0) and 'closed' or ''
end

-- The one that has been quiet the longest makes room.
local function make_room()
  if stored or redis.call('HLEN', KEYS[1]) < most then return end
  local all, oldest, seen_at = redis.call('HGETALL', KEYS[1]), nil, math.huge
  for at = 1, #all, 2 do
    local other = decode(all[at + 1], now)
    local seen = other and other.seen_at or 0
    if seen < seen_at then oldest, seen_at = all[at], seen end
  end
  redis.call('HDEL', KEYS[1], oldest)
end

local function count_event(failed)
  for _, one in ipairs(failed) do
    if one == event then return end
  end
  if #failed < opens_at then table.insert(failed, event) end
end

local news = ''
make_room()
if not trouble then
  trouble = { since = now, failing_since = 0, failed = {}, open = false, disabled_at = 0 }
end
trouble.seen_at, trouble.slow = now, is_slow
if result == 'success' then
  trouble.failing_since = 0
else
  trouble.failed_at, trouble.code = now, code
  if trouble.failing_since == 0 then trouble.failing_since = now end
  -- One event's tries say little of its endpoint, however many they are.
  count_event(trouble.failed)
  if not trouble.open and #trouble.failed >= opens_at then
    trouble.open, news = true, 'opened'
  end
  if trouble.open and trouble.disabled_at == 0 and now - trouble.failing_since >= disable_ms then
    trouble.disabled_at, news = now, 'disabled'
  end
end
redis.call('HSET', KEYS[1], endpoint, cjson.encode(trouble))
redis.call('PEXPIRE', KEYS[1], text(DISABLED_MS))
return news
