-- The circuits of a provider with something to remember: model after model, each followed by until
-- when it is open (ms), 0 while it is closed. After circuit-fields.lua; writes nothing.
-- KEYS: the provider's circuits
local answer = {}
local stored = redis.call('HGETALL', KEYS[1])
for i = 1, #stored, 2 do
  table.insert(answer, stored[i])
  table.insert(answer, text(decode(stored[i + 1]).open_until))
end
return answer
