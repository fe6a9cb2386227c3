-- Frees places whose holders were found not to run, unless one was taken anew meanwhile.
-- KEYS: the provider's running tasks
-- ARGV: id and the time of its place as it was found (two for each)
-- Answers how many were freed.
local freed = 0
for at = 1, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[at]) == ARGV[at + 1] then
    freed = freed + redis.call('ZREM', KEYS[1], ARGV[at])
  end
end
return freed
