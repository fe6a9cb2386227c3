-- The circuits of a provider with something to remember: model after model, each followed by until
-- when it is open (ms), 0 while it is closed; what was met; and whom alone it keeps back, "" for all.
-- After circuit-fields.lua; writes nothing.
-- KEYS: the provider's circuits
local answer = {}
local stored = redis.call('HGETALL', KEYS[1])
for i = 1, #stored, 2 do
  local circuit = decode(stored[i + 1])
  table.insert(answer, stored[i])
  table.insert(answer, text(circuit.open_until))
  table.insert(answer, circuit.kind)
  table.insert(answer, tenant_kept_back(circuit) or '')
end
return answer
