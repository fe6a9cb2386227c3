-- Takes what is due under a lease: a generation taken is due again after the lease, so a crash of
-- the taker costs that long and nothing else. The budget is a token bucket for the whole fleet.
-- KEYS: schedule, budget
--       (the records' own keys are built from ARGV[5]; they share the hash tag of KEYS)
-- ARGV: now (ms), lease (ms), at most, tokens per second, prefix of the record keys
-- Answers: when to look again (ms, "" when nothing is scheduled), then the records taken.

-- Whatever can raise comes first: half of a take would be under a lease that nobody knows of.
local now, lease, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local rate = tonumber(ARGV[4])
-- NaN is not even equal to itself, and so is above nothing.
if not (now and lease and most and rate and now > 0 and lease > 0 and most > 0 and rate > 0) then
  error('catwalk take-due: a time or a number')
end
local burst = math.max(rate, 1)

local tokens, since = burst, now
local left, at = string.match(redis.call('GET', KEYS[2]) or '', '^(%-?[%d.]+) (%d+)$')
left, at = tonumber(left or ''), tonumber(at or '')
-- What is no budget counts as none.
if left and at then
  -- Never back: a taker whose clock is behind would make the same moments count twice.
  since = math.max(now, at)
  tokens = math.min(burst, left + (since - at) * rate / 1000)
end

local answer = { '' }
local wanted = math.min(most, math.floor(tokens))
if wanted > 0 then
  local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, wanted)
  local names = {}
  for place, id in ipairs(ids) do names[place] = ARGV[5] .. id end
  local records = #names > 0 and redis.call('MGET', unpack(names)) or {}
  for place, id in ipairs(ids) do
    if records[place] then
      tokens = tokens - 1
      redis.call('ZADD', KEYS[1], now + lease, id)
      answer[#answer + 1] = records[place]
    else
      redis.call('ZREM', KEYS[1], id)
    end
  end
  if #ids > 0 then
    redis.call('SET', KEYS[2], string.format('%.3f %d', tokens, since), 'PX', 60000)
  end
end

local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if first[1] then
  local again = tonumber(first[2])
  if again <= now and tokens < 1 then again = now + (1 - tokens) * 1000 / rate end
  -- What was written by hand may be due at infinity, which has no digits.
  answer[1] = string.format('%d', math.min(math.ceil(again), 9007199254740991))
end
return answer
