-- May a submission of this model be sent, though its circuit is open?
-- KEYS: the provider's circuits
-- ARGV: model, now (ms), how long a probe may take (ms), how soon the end of a probe is looked for
--       (ms), time between two looks (ms)
-- Answers "go" (closed after all); "probe" and its name (this one may, and nobody else meanwhile); or
-- "held" and until when (ms). Looks stand in line, for each is a start of a job, and those count
-- against the provider's rate.
local circuit = redis.call('HGET', KEYS[1], ARGV[1])
if not circuit then return { 'go', '' } end
local failures, opened, openUntil, probeUntil, at, line =
  string.match(circuit, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
local now = tonumber(ARGV[2])
if openUntil == '0' then return { 'go', '' } end

local function keep()
  redis.call('HSET', KEYS[1], ARGV[1],
    table.concat({ failures, opened, openUntil, probeUntil, at, line }, ' '))
end
local earliest = tonumber(openUntil)
if now >= earliest then
  if now >= tonumber(probeUntil) then
    probeUntil = string.format('%d', now + tonumber(ARGV[3]))
    keep()
    return { 'probe', probeUntil }
  end
  earliest = now + tonumber(ARGV[4])
end
line = string.format('%.2f', math.max(earliest, tonumber(line) + tonumber(ARGV[5])))
keep()
return { 'held', string.format('%d', math.ceil(tonumber(line))) }
