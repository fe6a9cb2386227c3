-- What a submission showed of its provider, for the circuit of its model. After circuit-fields.lua.
-- KEYS: the provider's circuits
-- ARGV: model, "success" or "failure" or "ignored", the probe's name ("" for none), now (ms),
--       failures in a row that open it, how long it is open at first (ms), at most (ms), how long a
--       failure counts (ms), lifetime of the whole (ms)
-- Answers "closed" or until when it is open (ms) when that is news; else "".
local model, result, probe, now = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local circuit = read(model)
local is_open = circuit.open_until > 0

-- While it is open or half-open only its probe has anything to say: the others were sent before.
if is_open and probe ~= circuit.probe_until then return '' end
if result == 'success' then
  redis.call('HDEL', KEYS[1], model)
  return is_open and 'closed' or ''
end

local news = ''
if result == 'ignored' then
  if not is_open then return '' end
  circuit.probe_until = 0
else
  local counts_again = now - circuit.failed_at > tonumber(ARGV[8])
  circuit.failures = counts_again and 1 or circuit.failures + 1
  circuit.failed_at = now
  if is_open or circuit.failures >= tonumber(ARGV[5]) then
    local open_ms = math.min(tonumber(ARGV[6]) * 2 ^ circuit.times_opened, tonumber(ARGV[7]))
    circuit.open_until = now + open_ms
    circuit.times_opened = math.min(circuit.times_opened + 1, 30)
    circuit.probe_until = 0
    news = text(circuit.open_until)
  end
end
write(model, circuit)
redis.call('PEXPIRE', KEYS[1], ARGV[9])
return news
