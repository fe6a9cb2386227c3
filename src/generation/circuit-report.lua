-- How a submission went, for the circuit of its model.
-- KEYS: the provider's circuits
-- ARGV: model, "worked" or "failed" or "not-sent", "probe" or "go", now (ms), failures in a row that
--       open it, how long it is open at first (ms), at most (ms), how long a failure counts (ms),
--       lifetime of the whole (ms)
-- Answers "closed" or until when it is open (ms) when that is news; else "".
local model, went, permit, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local failures, opened, openUntil, probeUntil, at = 0, 0, 0, 0, 0
local circuit = redis.call('HGET', KEYS[1], model)
if circuit then
  local a, b, c, d, e = string.match(circuit, '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
  failures, opened, openUntil = tonumber(a), tonumber(b), tonumber(c)
  probeUntil, at = tonumber(d), tonumber(e)
end

local news = ''
-- While it is open, only the probe has anything to say: the others were sent before.
if openUntil > 0 and permit ~= 'probe' then return news end
if went == 'worked' then
  redis.call('HDEL', KEYS[1], model)
  if openUntil > 0 then news = 'closed' end
  return news
elseif went == 'not-sent' then
  if not circuit then return news end
  probeUntil = 0
else
  failures = (now - at > tonumber(ARGV[8])) and 1 or failures + 1
  at = now
  if openUntil > 0 or failures >= tonumber(ARGV[5]) then
    openUntil = now + math.min(tonumber(ARGV[6]) * 2 ^ opened, tonumber(ARGV[7]))
    opened = math.min(opened + 1, 30)
    probeUntil = 0
    news = string.format('%d', openUntil)
  end
end
redis.call('HSET', KEYS[1], model,
  string.format('%d %d %d %d %d', failures, opened, openUntil, probeUntil, at))
redis.call('PEXPIRE', KEYS[1], ARGV[9])
return news
