-- The endpoints of a tenant with something to remember, each with its JSON. After
-- endpoint-fields.lua; writes nothing.
-- KEYS: the tenant's endpoints in trouble
-- ARGV: now (ms)
local now = numbers(ARGV[1])
local stored, answer = redis.call('HGETALL', KEYS[1]), {}
for at = 1, #stored, 2 do
  if decode(stored[at + 1], now) then table.insert(answer, { stored[at], stored[at + 1] }) end
end
return answer
