-- May a submission of this model be sent, though its circuit is open?
-- KEYS: the provider's circuits
-- ARGV: model, now (ms), how long a probe may take (ms)
-- Answers "go" (closed after all), "probe" (this one may, and nobody else meanwhile), or until when
-- to wait (ms).
local circuit = redis.call('HGET', KEYS[1], ARGV[1])
if not circuit then return 'go' end
local failures, opened, openUntil, probeUntil, at =
  string.match(circuit, '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
local now = tonumber(ARGV[2])
if openUntil == '0' then return 'go' end
if now < tonumber(openUntil) then return openUntil end
if now < tonumber(probeUntil) then return probeUntil end
probeUntil = string.format('%d', now + tonumber(ARGV[3]))
redis.call('HSET', KEYS[1], ARGV[1], table.concat({ failures, opened, openUntil, probeUntil, at }, ' '))
return 'probe'
