-- Takes what is due under a lease: a generation taken is due again after the lease, so a crash of
-- the taker costs that long and nothing else. The budget is a token bucket for the whole fleet.
-- KEYS: schedule, budget
--       (the records' own keys are built from ARGV[5]; they share the hash tag of KEYS)
-- ARGV: now (ms), lease (ms), at most, tokens per second, prefix of the record keys
-- Answers: when to look again (ms, "" when nothing is scheduled), then the records taken.
local now, lease, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local rate = tonumber(ARGV[4])
local burst = math.max(rate, 1)

local tokens, since = burst, now
local bucket = redis.call('GET', KEYS[2])
if bucket then
  local left, at = string.match(bucket, '^(%S+) (%S+)$')
  -- Never back: a taker whose clock is behind would make the same moments count twice.
  since = math.max(now, tonumber(at))
  tokens = math.min(burst, tonumber(left) + (since - tonumber(at)) * rate / 1000)
end

local answer = { '' }
local wanted = math.min(most, math.floor(tokens))
if wanted > 0 then
  local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, wanted)
  for _, id in ipairs(ids) do
    local record = redis.call('GET', ARGV[5] .. id)
    if record then
      tokens = tokens - 1
      redis.call('ZADD', KEYS[1], now + lease, id)
      answer[#answer + 1] = record
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
  answer[1] = string.format('%d', math.ceil(again))
end
return answer
