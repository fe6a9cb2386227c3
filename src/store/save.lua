-- The one compare-and-set. Saves a list of records, each only if its version is still the one that
-- was read, and moves each in its schedule in the same step. Where deliveries are matched by task
-- id, it also says whose task this is, and hands over what came too early.
-- Where a provider limits how many tasks it works on at once, whoever may be one has a place there,
-- and whoever ended or waits again has none: the places are the records', by construction.
-- KEYS: record, schedule, task entry or idempotency entry, parked deliveries, running tasks (five
--       for each item)
-- ARGV: id, version read, new value, due (ms, "" when nothing is owed), lifetime (ms, "" for ever),
--       lifetime of the task entry (ms, "" for none: its two keys are not touched then),
--       lifetime of the idempotency entry from now on (ms, "" to leave it; never with the one
--       before), since when it may be running (ms, "-" when it is not, "" where nobody counts: the
--       key is not touched)
-- Answers for each item: when saved, the parked deliveries (mostly none); else the value that is
-- there now, or false if there is none.

-- Whatever can raise comes first: a script that ends in the middle leaves half of its writes.
local function must(isSo, what)
  if not isSo then error('catwalk save: ' .. what) end
end
local function isLifetime(text)
  return text == '' or (string.match(text, '^[1-9]%d*$') and #text <= 15)
end
local function mustBeSortedSet(key, what)
  local kind = redis.call('TYPE', key).ok
  must(kind == 'zset' or kind == 'none', what)
end
must(#KEYS % 5 == 0 and #ARGV == #KEYS / 5 * 8, 'keys and arguments do not fit each other')
local values, parked, isOwn, isSortedSet = {}, {}, {}, {}
for item = 0, #KEYS / 5 - 1 do
  local record, schedule = KEYS[item * 5 + 1], KEYS[item * 5 + 2]
  local at = item * 8
  must(string.match(ARGV[at + 2], '^%d+$'), 'a version')
  must(string.match(ARGV[at + 3], '^%d+\n'), 'a value')
  must(ARGV[at + 4] == '' or string.match(ARGV[at + 4], '^%-?%d+%.?%d*$'), 'a due time')
  for lifetime = at + 5, at + 7 do must(isLifetime(ARGV[lifetime]), 'a lifetime') end
  must(ARGV[at + 6] == '' or ARGV[at + 7] == '', 'one entry')
  if ARGV[at + 7] ~= '' then
    -- The app may have used the same key again, long after the end.
    local entry = redis.call('GET', KEYS[item * 5 + 3])
    isOwn[item] = entry and string.sub(entry, 1, #ARGV[at + 1] + 1) == ARGV[at + 1] .. ' '
  end
  values[record] = redis.call('GET', record)
  if not isSortedSet[schedule] then
    mustBeSortedSet(schedule, 'a schedule that is none')
    isSortedSet[schedule] = true
  end
  if ARGV[at + 8] ~= '' then
    must(ARGV[at + 8] == '-' or string.match(ARGV[at + 8], '^%d+%.?%d*$'), 'a time of a place')
    mustBeSortedSet(KEYS[item * 5 + 5], 'places that are none')
  end
  if ARGV[at + 6] ~= '' then parked[item] = redis.call('LRANGE', KEYS[item * 5 + 4], 0, -1) end
end

local answers = {}
for item = 0, #KEYS / 5 - 1 do
  local record, schedule = KEYS[item * 5 + 1], KEYS[item * 5 + 2]
  local at = item * 8
  local current = values[record]
  if not current then
    redis.call('ZREM', schedule, ARGV[at + 1])
    if ARGV[at + 8] ~= '' then redis.call('ZREM', KEYS[item * 5 + 5], ARGV[at + 1]) end
    answers[item + 1] = false
  elseif string.match(current, '^%d+') ~= ARGV[at + 2] then
    answers[item + 1] = current
  else
    -- A list may hold one record twice: the second one meets what the first has saved.
    values[record] = ARGV[at + 3]
    if ARGV[at + 5] == '' then
      redis.call('SET', record, ARGV[at + 3])
    else
      redis.call('SET', record, ARGV[at + 3], 'PX', ARGV[at + 5])
    end
    if ARGV[at + 4] == '' then
      redis.call('ZREM', schedule, ARGV[at + 1])
    else
      redis.call('ZADD', schedule, ARGV[at + 4], ARGV[at + 1])
    end
    if isOwn[item] then redis.call('PEXPIRE', KEYS[item * 5 + 3], ARGV[at + 7]) end
    if ARGV[at + 8] == '-' then
      redis.call('ZREM', KEYS[item * 5 + 5], ARGV[at + 1])
    elseif ARGV[at + 8] ~= '' then
      redis.call('ZADD', KEYS[item * 5 + 5], ARGV[at + 8], ARGV[at + 1])
    end
    answers[item + 1] = {}
    if ARGV[at + 6] ~= '' then
      redis.call('SET', KEYS[item * 5 + 3], ARGV[at + 1], 'PX', ARGV[at + 6])
      -- Not deleted: whoever asked may die before acting on them, and they expire by themselves.
      answers[item + 1] = parked[item]
    end
  end
end
return answers
