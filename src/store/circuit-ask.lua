-- May a submission of this model be sent? After circuit-fields.lua.
-- KEYS: the provider's circuits
-- ARGV: model, now (ms), how long a probe may take (ms), how soon one that is kept back by a probe
--       may ask again (ms), time between two that ask again (ms)
-- Answers the circuit's state, and what follows from it: "closed" (it may); "half-open" and the
-- probe's name (this one may, and nobody else meanwhile); or "open" and when to ask again (ms).
-- Those that wait stand in line, for each time one asks is a start of a job, and those count against
-- the provider's rate.
local model, now = ARGV[1], tonumber(ARGV[2])
local circuit = read(model)
if circuit.open_until == 0 then return { 'closed', '' } end

local earliest = circuit.open_until
if now >= earliest then
  if now >= circuit.probe_until then
    circuit.probe_until = now + tonumber(ARGV[3])
    write(model, circuit)
    return { 'half-open', text(circuit.probe_until) }
  end
  earliest = now + tonumber(ARGV[4])
end
circuit.line_end = math.max(earliest, circuit.line_end + tonumber(ARGV[5]))
write(model, circuit)
return { 'open', text(math.ceil(circuit.line_end)) }
