-- The one compare-and-set. Saves a list of records, each only if its version is still the one that
-- was read, and moves each in its schedule in the same step: checks have one of their own, and all
-- else that is owed another. Where deliveries are matched by task id, it also says whose task this
-- is, and hands over what came too early. And it moves each in the lines of turns.lua, which comes
-- before: who may be running, who ended or waits for something else, and whose turn it is then.
-- KEYS: record, task entry or idempotency entry, parked deliveries (three for each item)
-- ARGV: prefix, now (ms); then for each item:
--       id, version read, new value, due (ms, "" when nothing is owed), "due" or "owed": which
--       schedule, lifetime (ms, "" for ever), lifetime of the task entry (ms, "" for none: its two
--       keys are not touched then), lifetime of the idempotency entry from now on (ms, "" to leave
--       it; never with the one before), provider, tenant, its places ("" for no limit), standing:
--       since when it may be running (ms), "turn" and that for one that must have its turn for it,
--       "waits" or "ended" when it has no place (any more), "" when nothing changes
-- Answers for each item: when saved, the parked deliveries (mostly none); else the value that is
-- there now, false if there is none, or 0 if it is not its turn. Then whose turn it is by now (id,
-- provider and time of each).
local SIZE = 12

-- Whatever can raise comes first: a script that ends in the middle leaves half of its writes.
local function must(isSo, what)
  if not isSo then error('catwalk save: ' .. what) end
end
local function isLifetime(text)
  return text == '' or (string.match(text, '^[1-9]%d*$') and #text <= 15)
end
local prefix, now = ARGV[1], tonumber(ARGV[2])
must(now, 'a time')
must(#KEYS % 3 == 0 and #ARGV == 2 + #KEYS / 3 * SIZE, 'keys and arguments do not fit each other')
local values, parked, isOwn = {}, {}, {}
for item = 0, #KEYS / 3 - 1 do
  local record, at = KEYS[item * 3 + 1], 2 + item * SIZE
  must(string.match(ARGV[at + 2], '^%d+$'), 'a version')
  must(string.match(ARGV[at + 3], '^%d+\n'), 'a value')
  must(ARGV[at + 4] == '' or string.match(ARGV[at + 4], '^%-?%d+%.?%d*$'), 'a due time')
  must(ARGV[at + 5] == 'due' or ARGV[at + 5] == 'owed', 'a schedule')
  for lifetime = at + 6, at + 8 do must(isLifetime(ARGV[lifetime]), 'a lifetime') end
  must(ARGV[at + 7] == '' or ARGV[at + 8] == '', 'one entry')
  if ARGV[at + 8] ~= '' then
    -- The app may have used the same key again, long after the end.
    local entry = redis.call('GET', KEYS[item * 3 + 2])
    isOwn[item] = entry and string.sub(entry, 1, #ARGV[at + 1] + 1) == ARGV[at + 1] .. ' '
  end
  values[record] = redis.call('GET', record)
  local provider, tenant = ARGV[at + 9], ARGV[at + 10]
  for _, schedule in ipairs({ 'due', 'owed' }) do
    must_be_sorted_set(prefix .. ':' .. schedule .. ':' .. provider)
  end
  local standing = ARGV[at + 12]
  must(standing == '' or standing == 'waits' or standing == 'ended'
    or string.match(standing, '^%d+%.?%d*$') or string.match(standing, '^turn %d+$'), 'a standing')
  if standing ~= '' then check_places(keys_of(prefix, provider), tenant) end
  if ARGV[at + 7] ~= '' then parked[item] = redis.call('LRANGE', KEYS[item * 3 + 3], 0, -1) end
end

local touched = {}
-- Whether it may be saved so: its turn may have been given to another.
local function move(keys, at)
  local id, tenant, standing = ARGV[at + 1], ARGV[at + 10], ARGV[at + 12]
  if standing == '' then return true end
  local since = string.match(standing, '^turn (%d+)$')
  if since and not redis.call('ZSCORE', keys.running, id) then return false end
  since = tonumber(since or standing)
  local is_free
  if since then is_free = run(keys, tenant, id, since)
  else is_free = leave(keys, tenant, id, now, standing == 'ended') end
  if is_free then touched[keys] = tonumber(ARGV[at + 11]) or math.huge end
  return true
end

local function put(at, item)
  local record, id, provider = KEYS[item * 3 + 1], ARGV[at + 1], ARGV[at + 9]
  if ARGV[at + 6] == '' then
    redis.call('SET', record, ARGV[at + 3])
  else
    redis.call('SET', record, ARGV[at + 3], 'PX', ARGV[at + 6])
  end
  local due, owed = prefix .. ':due:' .. provider, prefix .. ':owed:' .. provider
  local isCheck = ARGV[at + 5] == 'due'
  -- An older release knows one schedule only.
  redis.call('ZREM', isCheck and owed or due, id)
  if ARGV[at + 4] == '' then
    redis.call('ZREM', isCheck and due or owed, id)
  else
    redis.call('ZADD', isCheck and due or owed, ARGV[at + 4], id)
  end
  if isOwn[item] then redis.call('PEXPIRE', KEYS[item * 3 + 2], ARGV[at + 8]) end
  if ARGV[at + 7] == '' then return {} end
  redis.call('SET', KEYS[item * 3 + 2], id, 'PX', ARGV[at + 7])
  -- Not deleted: whoever asked may die before acting on them, and they expire by themselves.
  return parked[item]
end

local answers = {}
for item = 0, #KEYS / 3 - 1 do
  local record, at = KEYS[item * 3 + 1], 2 + item * SIZE
  local id, provider, tenant = ARGV[at + 1], ARGV[at + 9], ARGV[at + 10]
  local keys, current = keys_of(prefix, provider), values[record]
  if not current then
    redis.call('ZREM', prefix .. ':due:' .. provider, id)
    redis.call('ZREM', prefix .. ':owed:' .. provider, id)
    if leave(keys, tenant, id, now) then touched[keys] = tonumber(ARGV[at + 11]) or math.huge end
    answers[item + 1] = false
  elseif string.match(current, '^%d+') ~= ARGV[at + 2] then
    answers[item + 1] = current
  elseif not move(keys, at) then
    answers[item + 1] = 0
  else
    -- A list may hold one record twice: the second one meets what the first has saved.
    values[record] = ARGV[at + 3]
    answers[item + 1] = put(at, item)
  end
end
local given = {}
for keys, places in pairs(touched) do give_turns(keys, now, places, given) end
return { answers, given }
