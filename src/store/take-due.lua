-- Takes what is due under a lease: a generation taken is due again after the lease, so a crash of
-- the taker costs that long and nothing else. Status checks and all else that is owed have a schedule
-- and a budget each: two token buckets for the whole fleet.
-- KEYS: schedule of checks, its budget, schedule of what else is owed, its budget
--       (the records' own keys are built from ARGV[6]; they share the hash tag of KEYS)
-- ARGV: now (ms), lease (ms), at most, checks per second, others per second, prefix of the record keys
-- Answers: when to look again (ms, "" when nothing is scheduled), then the records taken.

-- Whatever can raise comes first: half of a take would be under a lease that nobody knows of.
local now, lease, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
-- NaN is not even equal to itself, and so is above nothing.
if not (now and lease and most and now > 0 and lease > 0 and most > 0) then
  error('catwalk take-due: a time or a number')
end
for rate = 4, 5 do
  if not (tonumber(ARGV[rate]) and tonumber(ARGV[rate]) > 0) then
    error('catwalk take-due: a rate')
  end
end
-- So many are looked at for each that the budget allows, when it does not allow all.
local CANDIDATES, MOST_CANDIDATES = 4, 200
-- Below all deadlines: somebody has said that it is done.
local SAID = -1

local function tokens_in(bucket, rate)
  local burst = math.max(rate, 1)
  local left, at = string.match(redis.call('GET', bucket) or '', '^(%-?[%d.]+) (%d+)$')
  left, at = tonumber(left or ''), tonumber(at or '')
  -- What is no budget counts as none.
  if not (left and at) then return burst, now end
  -- Never back: a taker whose clock is behind would make the same moments count twice.
  local since = math.max(now, at)
  return math.min(burst, left + (since - at) * rate / 1000), since
end

-- Records of ids; what has none leaves its schedule.
local function read(schedule, ids)
  local names = {}
  for place, id in ipairs(ids) do names[place] = ARGV[6] .. id end
  local records = #names > 0 and redis.call('MGET', unpack(names)) or {}
  local found = {}
  for place, id in ipairs(ids) do
    if records[place] then
      found[#found + 1] = { id = id, record = records[place], place = place }
    else
      redis.call('ZREM', schedule, id)
    end
  end
  return found
end

-- Those first of which somebody has said that they are done, then those whose time is over soonest.
local function most_urgent_first(found)
  for _, one in ipairs(found) do
    local deadline = tonumber(string.match(one.record, '"deadlineAt":(%d+)') or '') or math.huge
    one.rank = string.find(one.record, '"hintedAt":', 1, true) and SAID or deadline
  end
  table.sort(found, function(a, b)
    if a.rank ~= b.rank then return a.rank < b.rank end
    return a.place < b.place
  end)
end

local answer = { '' }
local next_at

local function look_again(schedule, tokens, rate)
  local first = redis.call('ZRANGE', schedule, 0, 0, 'WITHSCORES')
  if not first[1] then return end
  local again = tonumber(first[2])
  if again <= now and tokens < 1 then again = now + (1 - tokens) * 1000 / rate end
  next_at = math.min(next_at or again, again)
end

local function take(schedule, bucket, rate, isCheck)
  local tokens, since = tokens_in(bucket, rate)
  local wanted = math.min(most - (#answer - 1), math.floor(tokens))
  if wanted > 0 then
    local limit = isCheck and math.min(wanted * CANDIDATES, math.max(MOST_CANDIDATES, wanted)) or wanted
    local ids = redis.call('ZRANGEBYSCORE', schedule, '-inf', now, 'LIMIT', 0, limit)
    local found = read(schedule, ids)
    if #found > wanted then most_urgent_first(found) end
    for place = 1, math.min(#found, wanted) do
      tokens = tokens - 1
      redis.call('ZADD', schedule, now + lease, found[place].id)
      answer[#answer + 1] = found[place].record
    end
    if #ids > 0 then
      redis.call('SET', bucket, string.format('%.3f %d', tokens, since), 'PX', 60000)
    end
  end
  look_again(schedule, tokens, rate)
end

take(KEYS[1], KEYS[2], tonumber(ARGV[4]), true)
take(KEYS[3], KEYS[4], tonumber(ARGV[5]), false)
-- What was written by hand may be due at infinity, which has no digits.
if next_at then answer[1] = string.format('%d', math.min(math.ceil(next_at), 9007199254740991)) end
return answer
