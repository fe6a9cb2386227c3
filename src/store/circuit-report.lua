-- What a submission showed of its provider, for the circuit of its model. After circuit-fields.lua.
-- KEYS: the provider's circuits
-- ARGV: model, generation, tenant, "success" or "failure" or "unauthorized" or "out_of_credit" or
--       "ignored", the probe's name ("" for none), now (ms), different generations in a row that open
--       it, how long it is open at first (ms), at most (ms), how long a failure counts (ms), a
--       refusal (ms), lifetime of the whole (ms)
-- Answers nothing where there is no news; "closed"; or "open", until when (ms), what was met, whom
-- alone it keeps back ("" for all), and "again" where a probe only found that it is not over.
local model, tenant, result = ARGV[1], ARGV[3], ARGV[4]
local probe, now = tonumber(ARGV[5]), tonumber(ARGV[6])
local counts_ms = tonumber(result == 'failure' and ARGV[10] or ARGV[11])
local circuit = read(model)
local was_open, is_probe = circuit.open_until > 0, keeps_back(circuit, tenant)

-- Where it is open or half-open only its probe has anything to say: the others were sent before.
if is_probe and probe ~= circuit.probe_until then return {} end
if result == 'success' then
  redis.call('HDEL', KEYS[1], model)
  return was_open and { 'closed' } or {}
end
if result == 'ignored' then
  if not is_probe then return {} end
  circuit.probe_until = 0
  write(model, circuit)
  return {}
end

local news = {}
-- Who refuses is not down; and who is down has not refused.
local is_other = (circuit.kind == 'failure') ~= (result == 'failure')
local is_past = not was_open and now - circuit.failed_at > counts_ms
if is_past or (is_other and not (is_probe and result == 'failure')) then
  circuit, is_probe = decode(''), false
  if was_open then news = { 'closed' } end
end

-- The same one again says nothing new of its provider.
local who, is_new, met = ARGV[2] .. '/' .. tenant, true, {}
for _, other in ipairs(circuit.met) do
  if other == who then is_new = false else table.insert(met, other) end
end
table.insert(met, who)
if #met > MOST_MET then table.remove(met, 1) end
circuit.met, circuit.kind = met, result
if is_new then circuit.failures = circuit.failures + 1 end
if is_new or is_probe then circuit.failed_at = now end

if is_probe or (is_new and circuit.failures >= tonumber(ARGV[7])) then
  -- That it is open for all is new, however long it was open for one.
  if not is_probe then circuit.times_opened = 0 end
  local open_ms = math.min(tonumber(ARGV[8]) * 2 ^ circuit.times_opened, tonumber(ARGV[9]))
  circuit.open_until = now + open_ms
  circuit.times_opened = math.min(circuit.times_opened + 1, 30)
  circuit.probe_until = 0
  local only = tenant_kept_back(circuit) or ''
  news = { 'open', text(circuit.open_until), result, only, is_probe and 'again' or '' }
end
write(model, circuit)
redis.call('PEXPIRE', KEYS[1], ARGV[12])
return news
