-- Whose turn it is at a provider; put in front of every script that moves a generation. Each tenant
-- has a line of its own for each provider (two lanes), and turns go round between the tenants by
-- start-time fair queueing: a turn moves its tenant on by 1 / weight, and the tenant that is furthest
-- behind is next. Who has a turn may be sent: few have one at a time, so that nobody's backlog stands
-- before another's next one in the queue itself.
-- Keys, all under one hash tag (P is the prefix):
--   P:lanes:<provider>             tenants with somebody in line, by their virtual time
--   P:line:<provider>:<tenant>     who waits there, by when it was asked for; and P:line-batch:…
--   P:served:<provider>            virtual times of tenants that left the lanes while others stayed
--   P:turn:<provider>              who has a turn and is not being sent yet, by when it got it (ms)
--   P:running:<provider>           who has a turn or may be running at the provider, by since when (ms)
--   P:busy:<provider>:<tenant>     the same, of one tenant
--   P:pace:<provider>              hash: places (tasks at once, "" for no limit), window (turns at
--                                  once), v (virtual time), b:<tenant> (turns since one of batch)
--   P:moves:<provider>             hash: t:<tenant>, e:<tenant>: how often its line moves, its tasks end
--   P:shares                       hash: <tenant> → weight; <provider>/<tenant> → "floor ceiling";
--                                  floors:<provider> → "tenant floor tenant floor …"

-- One of batch comes after so many of the other lane, if both wait.
local BATCH_EVERY = 8
local DEFAULT_WINDOW = 4
local LANES_AT_A_TIME = 64
local SMALL_WINDOW = 16
local MOVES_FORGOTTEN_MS = 3600000
local NEWEST = 0.2

local turn_keys = {}
local function keys_of(prefix, provider)
  local known = turn_keys[provider]
  if known then return known end
  known = { provider = provider }
  for _, name in ipairs({ 'lanes', 'served', 'turn', 'running', 'pace', 'moves' }) do
    known[name] = prefix .. ':' .. name .. ':' .. provider
  end
  known.line = prefix .. ':line:' .. provider .. ':'
  known.batch = prefix .. ':line-batch:' .. provider .. ':'
  known.busy = prefix .. ':busy:' .. provider .. ':'
  known.shares = prefix .. ':shares'
  known.records = prefix .. ':g:'
  turn_keys[provider] = known
  return known
end

-- Raises before anything is written, if a key of ours holds something else.
local sorted_sets = {}
local function must_be_sorted_set(key)
  if sorted_sets[key] then return end
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'zset' and kind ~= 'none' then error('catwalk: ' .. key .. ' is no sorted set') end
  sorted_sets[key] = true
end
local function check_places(keys, tenant)
  must_be_sorted_set(keys.turn)
  must_be_sorted_set(keys.running)
  must_be_sorted_set(keys.busy .. tenant)
end
local function check_keys(keys, tenant)
  check_places(keys, tenant)
  must_be_sorted_set(keys.lanes)
  must_be_sorted_set(keys.served)
  must_be_sorted_set(keys.line .. tenant)
  must_be_sorted_set(keys.batch .. tenant)
end

-- The mean time between two events of a tenant (ms), and when the last one was.
local function note_move(keys, kind, tenant, now)
  local field = kind .. ':' .. tenant
  local last, mean = string.match(redis.call('HGET', keys.moves, field) or '', '^(%S+) (%S+)$')
  last, mean = tonumber(last or ''), tonumber(mean or '')
  local between = last and math.min(math.max(now - last, 0), MOVES_FORGOTTEN_MS)
  mean = between and (mean and mean >= 0 and mean + NEWEST * (between - mean) or between) or -1
  redis.call('HSET', keys.moves, field, string.format('%.0f %.3f', now, mean))
  if not last then redis.call('PEXPIRE', keys.moves, 24 * MOVES_FORGOTTEN_MS) end
end

local function waiting_of(keys, tenant)
  return redis.call('ZCARD', keys.line .. tenant) + redis.call('ZCARD', keys.batch .. tenant)
end

-- What a provider's places are, and how many of them tenants with a floor have yet to fill.
local function places_of(keys, fallback)
  local pace = redis.call('HMGET', keys.pace, 'places', 'window', 'v')
  local places = pace[1] == '' and math.huge or tonumber(pace[1] or '') or fallback
  return places, tonumber(pace[2] or '') or DEFAULT_WINDOW, tonumber(pace[3] or '') or 0
end

local function unfilled_floors(keys)
  local unfilled, total = {}, 0
  local floors = redis.call('HGET', keys.shares, 'floors:' .. keys.provider) or ''
  for tenant, floor in string.gmatch(floors, '(%S+) (%d+)') do
    local missing = tonumber(floor) - redis.call('ZCARD', keys.busy .. tenant)
    if missing > 0 then
      unfilled[tenant] = missing
      total = total + missing
    end
  end
  return unfilled, total
end

-- Whether one more of this tenant may be sent, of so many free places.
local function may_have_one(keys, tenant, free, unfilled, missing)
  if free <= 0 then return false end
  -- Who has less than its floor takes of what is kept free, also where floors are more than places.
  if free ~= math.huge and not unfilled[tenant] and free <= missing then return false end
  local share = redis.call('HGET', keys.shares, keys.provider .. '/' .. tenant) or ''
  local ceiling = tonumber(string.match(share, '^%S+ (%d+)$') or '')
  return not ceiling or redis.call('ZCARD', keys.busy .. tenant) < ceiling
end

local function weight_of(keys, tenant)
  local weight = tonumber(redis.call('HGET', keys.shares, tenant) or '')
  return weight and weight > 0 and weight or 1
end

local function grant(keys, tenant, id, now, given)
  redis.call('ZADD', keys.turn, now, id)
  redis.call('ZADD', keys.running, now, id)
  redis.call('ZADD', keys.busy .. tenant, now, id)
  note_move(keys, 't', tenant, now)
  given[#given + 1] = id
  given[#given + 1] = keys.provider
  given[#given + 1] = string.format('%.0f', now)
end

-- The first of a tenant's line whose record is still there, out of its line; nil: nobody waits.
local function take_first(keys, tenant)
  for _ = 1, 1000 do
    local first = redis.call('ZRANGE', keys.line .. tenant, 0, 0)[1]
    local batch = redis.call('ZRANGE', keys.batch .. tenant, 0, 0)[1]
    if not first and not batch then return nil end
    local field, lane = 'b:' .. tenant, keys.line
    if first and batch then
      local since = tonumber(redis.call('HGET', keys.pace, field) or '') or 0
      if since >= BATCH_EVERY then lane = keys.batch end
      redis.call('HSET', keys.pace, field, lane == keys.batch and 0 or since + 1)
    elseif batch then
      lane = keys.batch
    end
    local id = lane == keys.batch and batch or first
    redis.call('ZREM', lane .. tenant, id)
    if redis.call('EXISTS', keys.records .. id) == 1 then return id end
  end
end

-- While others wait, nobody has more than half of the turns that are out: its pictures may be slow.
-- Where many are out they are over soon. @returns what says whether a tenant has that many, or nil.
local function hold_half(keys, window)
  if window > SMALL_WINDOW or redis.call('ZCARD', keys.lanes) < 2 then return nil end
  local out = redis.call('ZRANGE', keys.turn, 0, -1)
  local half = math.max(1, math.floor(window / 2))
  if #out < half then return nil end
  return function(tenant)
    local own = 0
    for _, id in ipairs(out) do
      if redis.call('ZSCORE', keys.busy .. tenant, id) then own = own + 1 end
    end
    return own >= half
  end
end

-- The tenant whose turn it is and its virtual time; nil: none that waits may have a place.
local function next_tenant(keys, free, unfilled, missing, holding_half)
  for from = 0, 100000, LANES_AT_A_TIME do
    local to = from + LANES_AT_A_TIME - 1
    local lanes = redis.call('ZRANGE', keys.lanes, from, to, 'WITHSCORES')
    if #lanes == 0 then return nil end
    for at = 1, #lanes, 2 do
      local is_enough = holding_half and holding_half(lanes[at])
      if not is_enough and may_have_one(keys, lanes[at], free, unfilled, missing) then
        return lanes[at], tonumber(lanes[at + 1])
      end
    end
  end
end

-- Gives out every turn that is free. Adds id, provider and time of each to `given`.
local function give_turns(keys, now, fallback, given)
  if redis.call('EXISTS', keys.lanes) == 0 then return end
  local places, window, v = places_of(keys, fallback)
  local in_turn = redis.call('ZCARD', keys.turn)
  while in_turn < window do
    local unfilled, missing = {}, 0
    local free = math.huge
    if places ~= math.huge then
      free = places - redis.call('ZCARD', keys.running)
      if free <= 0 then break end
      unfilled, missing = unfilled_floors(keys)
      -- Where a limit was found below the floors, somebody else may go all the same.
      missing = math.min(missing, places - 1)
    end
    local tenant, start = next_tenant(keys, free, unfilled, missing, hold_half(keys, window))
    if not tenant then break end
    local id = take_first(keys, tenant)
    if id then
      grant(keys, tenant, id, now, given)
      in_turn = in_turn + 1
      -- Who was passed over is next now, and has saved nothing up.
      local from = math.max(start, v)
      v = from
      start = from + 1 / weight_of(keys, tenant)
    end
    if waiting_of(keys, tenant) > 0 then
      redis.call('ZADD', keys.lanes, string.format('%.17g', start), tenant)
    else
      redis.call('ZREM', keys.lanes, tenant)
      redis.call('ZADD', keys.served, string.format('%.17g', start), tenant)
      redis.call('HDEL', keys.pace, 'b:' .. tenant)
    end
  end
  if redis.call('EXISTS', keys.lanes) == 0 then
    -- Nobody waits: what was served before counts for nothing.
    redis.call('DEL', keys.served)
    redis.call('HDEL', keys.pace, 'v')
  else
    redis.call('HSET', keys.pace, 'v', string.format('%.17g', v))
    redis.call('ZREMRANGEBYSCORE', keys.served, '-inf', string.format('%.17g', v))
  end
end

-- Into the line of its tenant, by when it was asked for. A second time changes nothing. Who has a
-- turn keeps it; who was sent before, and has its place still, gets a turn at once.
local function stand_in_line(keys, tenant, lane, id, asked_at, now, given)
  if redis.call('ZSCORE', keys.turn, id) then return end
  if redis.call('ZSCORE', keys.running, id) then
    grant(keys, tenant, id, now, given)
    return
  end
  local line = (lane == 'batch' and keys.batch or keys.line) .. tenant
  redis.call('ZADD', line, 'NX', asked_at, id)
  if not redis.call('ZSCORE', keys.lanes, tenant) then
    local v = tonumber(redis.call('HGET', keys.pace, 'v') or '') or 0
    local before = tonumber(redis.call('ZSCORE', keys.served, tenant) or '') or 0
    redis.call('ZADD', keys.lanes, string.format('%.17g', math.max(v, before)), tenant)
  end
end

-- Out of its line, and no place any more: it ended, or waits for something else. Answers whether
-- that freed anything.
local function leave(keys, tenant, id, now, has_ended)
  redis.call('ZREM', keys.turn, id)
  local had_place = redis.call('ZREM', keys.running, id)
  redis.call('ZREM', keys.busy .. tenant, id)
  if had_place == 0 then
    redis.call('ZREM', keys.line .. tenant, id)
    redis.call('ZREM', keys.batch .. tenant, id)
    -- A tenant without anybody in line leaves the lanes when its turn comes.
    return false
  end
  if has_ended then note_move(keys, 'e', tenant, now) end
  return true
end

-- It is being sent, or the provider has it: its turn is over, its place is not. Answers whether it
-- had a turn.
local function run(keys, tenant, id, since)
  local had_turn = redis.call('ZREM', keys.turn, id) == 1
  if not had_turn and not redis.call('ZSCORE', keys.running, id) then
    redis.call('ZREM', keys.line .. tenant, id)
    redis.call('ZREM', keys.batch .. tenant, id)
  end
  redis.call('ZADD', keys.running, since, id)
  redis.call('ZADD', keys.busy .. tenant, since, id)
  return had_turn
end
