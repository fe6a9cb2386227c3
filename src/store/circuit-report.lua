-- How a submission went, for the circuit of its model.
-- KEYS: the provider's circuits
-- ARGV: model, "worked" or "failed" or "not-sent", the probe's name ("" for none), now (ms), failures
--       in a row that open it, how long it is open at first (ms), at most (ms), how long a failure
--       counts (ms), lifetime of the whole (ms)
-- Answers "closed" or until when it is open (ms) when that is news; else "".
local model, went, probe, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local failures, opened, openUntil, probeUntil, at, line = 0, 0, 0, '0', 0, 0
local circuit = redis.call('HGET', KEYS[1], model)
if circuit then
  local a, b, c, d, e, f = string.match(circuit, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
  failures, opened, openUntil, probeUntil = tonumber(a), tonumber(b), tonumber(c), d
  at, line = tonumber(e), tonumber(f)
end

-- While it is open only its probe has anything to say: the others were sent before.
if openUntil > 0 and (probe == '' or probe ~= probeUntil) then return '' end
if went == 'worked' then
  redis.call('HDEL', KEYS[1], model)
  return openUntil > 0 and 'closed' or ''
end

local news = ''
if went == 'not-sent' then
  if openUntil == 0 then return '' end
  probeUntil = '0'
else
  failures = (now - at > tonumber(ARGV[8])) and 1 or failures + 1
  at = now
  if openUntil > 0 or failures >= tonumber(ARGV[5]) then
    openUntil = now + math.min(tonumber(ARGV[6]) * 2 ^ opened, tonumber(ARGV[7]))
    opened = math.min(opened + 1, 30)
    probeUntil = '0'
    news = string.format('%d', openUntil)
  end
end
redis.call('HSET', KEYS[1], model,
  string.format('%d %d %d %s %d %.2f', failures, opened, openUntil, probeUntil, at, line))
redis.call('PEXPIRE', KEYS[1], ARGV[9])
return news
