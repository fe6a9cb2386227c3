-- Takes from tenants' parts of a provider's places what has none there any more: an older release, and
-- whoever found a record gone, leave such. After turns.lua.
-- KEYS: any of ours
-- ARGV: prefix, provider
-- Answers how many.
local keys = keys_of(ARGV[1], ARGV[2])
local swept = 0
for _, field in ipairs(redis.call('HKEYS', keys.moves)) do
  local tenant = string.match(field, '^t:(.+)$')
  if tenant then
    for _, id in ipairs(redis.call('ZRANGE', keys.busy .. tenant, 0, -1)) do
      if not redis.call('ZSCORE', keys.running, id) then
        swept = swept + redis.call('ZREM', keys.busy .. tenant, id)
      end
    end
  end
end
return swept
