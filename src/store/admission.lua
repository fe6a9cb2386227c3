-- What a tenant may ask for; after turns.lua, before create.lua. Nothing is written unless it may.
-- ARGV, from `at` on: requests per second, how many at once above that, most waiting, most in flight,
-- the same two at this provider ("" each: no limit), then the names of all providers.

local LEAST_WAIT_MS, LONGEST_WAIT_MS = 1000, 3600000

-- How long until the next of these moves, by how they have moved lately.
local function until_moved(keys, kind, tenant, now)
  local moves = redis.call('HGET', keys.moves, kind .. ':' .. tenant) or ''
  local last, mean = string.match(moves, '^(%S+) (%S+)$')
  local wait = last and math.max(tonumber(mean), now - tonumber(last)) or 60000
  return math.min(math.max(math.ceil(wait), LEAST_WAIT_MS), LONGEST_WAIT_MS)
end

local function refusal_of(limit, used, most, retry_ms)
  return { 'refused', limit, string.format('%d', used), string.format('%d', most),
    string.format('%d', retry_ms) }
end

-- A token bucket; `key` is written when there is one to take.
local function wait_for_token(key, per_second, burst, now)
  local tokens, since = burst, now
  local left, at = string.match(redis.call('GET', key) or '', '^(%S+) (%S+)$')
  left, at = tonumber(left or ''), tonumber(at or '')
  if left and at then
    since = math.max(now, at)
    tokens = math.min(burst, left + (since - at) * per_second / 1000)
  end
  if tokens < 1 then return math.ceil((1 - tokens) * 1000 / per_second) end
  local fresh_ms = math.ceil(burst * 1000 / per_second) + 1000
  redis.call('SET', key, string.format('%.6f %.0f', tokens - 1, since), 'PX', fresh_ms)
end

local function too_many(keys, tenant, now, limit, used, most, kind)
  if most and used >= most then
    return refusal_of(limit, used, most, until_moved(keys, kind, tenant, now))
  end
end

local function refused(prefix, keys, tenant, now, at)
  local per_second, burst = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local most_waiting, most_busy = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local waiting_here, busy_here = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local found = too_many(keys, tenant, now, 'waiting_at_provider', waiting_here and
    waiting_of(keys, tenant) or 0, waiting_here, 't')
  found = found or too_many(keys, tenant, now, 'in_flight_at_provider', busy_here and
    redis.call('ZCARD', keys.busy .. tenant) or 0, busy_here, 'e')
  if not found and (most_waiting or most_busy) then
    local waiting, busy = 0, 0
    for name = at + 6, #ARGV do
      local other = keys_of(prefix, ARGV[name])
      waiting = waiting + waiting_of(other, tenant)
      busy = busy + redis.call('ZCARD', other.busy .. tenant)
    end
    found = too_many(keys, tenant, now, 'waiting', waiting, most_waiting, 't')
      or too_many(keys, tenant, now, 'in_flight', busy, most_busy, 'e')
  end
  if found or not per_second then return found end
  local wait = wait_for_token(prefix .. ':rate:' .. tenant, per_second, burst or per_second, now)
  return wait and refusal_of('requests', math.ceil(burst or per_second), burst or per_second, math.max(wait, LEAST_WAIT_MS))
end
