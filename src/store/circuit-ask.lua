-- May a submission of this model be sent? After circuit-fields.lua.
-- KEYS: the provider's circuits
-- ARGV: model, tenant, "fresh" for a generation that nothing has gone wrong with yet (else ""), now
--       (ms), how long a probe may take (ms), how soon one that is kept back by a probe may ask again
--       (ms), how long the probe is kept for one that suits better (ms), time between two that ask
--       again (ms)
-- Answers the circuit's state for this tenant, what follows from it, and what was met: "closed" (it
-- may); "half-open" and the probe's name (this one may, and nobody else meanwhile); or "open" and when
-- to ask again (ms).
-- Those that wait stand in line, for each time one asks is a start of a job, and those count against
-- the provider's rate.
local model, tenant, now = ARGV[1], ARGV[2], tonumber(ARGV[4])
local circuit = read(model)
if not keeps_back(circuit, tenant) then return { 'closed', '', '' } end

-- What failed before may fail for a reason of its own, and so may whatever its tenant asks for.
local last = circuit.met[#circuit.met]
local was_theirs = last and tenant_of(last) == tenant and only_tenant(circuit) == nil
local suits = ARGV[3] == 'fresh' and not was_theirs
local turn = circuit.open_until + (suits and 0 or tonumber(ARGV[7]))

local earliest = circuit.open_until
if now >= circuit.open_until then
  if now >= circuit.probe_until and now >= turn then
    circuit.probe_until = now + tonumber(ARGV[5])
    write(model, circuit)
    return { 'half-open', text(circuit.probe_until), circuit.kind }
  end
  earliest = now < turn and turn or now + tonumber(ARGV[6])
end
circuit.line_end = math.max(earliest, circuit.line_end + tonumber(ARGV[8]))
write(model, circuit)
return { 'open', text(math.ceil(math.max(circuit.line_end, turn))), circuit.kind }
