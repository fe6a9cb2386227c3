-- Notes how fast a provider may be used, and gives out what is free; after turns.lua.
-- KEYS: any of ours
-- ARGV: prefix, provider, now (ms), places ("" for no limit), window, oldest turn that is not looked
--       after (ms)
-- Answers whose turn it is by now (id, provider, time of each), and who has had one since before that
-- moment and is still not being sent (id and time of each).
local keys, now = keys_of(ARGV[1], ARGV[2]), tonumber(ARGV[3])
local window, since = tonumber(ARGV[5]), tonumber(ARGV[6])
if not (now and window and window >= 1 and since) then error('catwalk turns-tend: a number') end
if ARGV[4] ~= '' and not tonumber(ARGV[4]) then error('catwalk turns-tend: places') end

redis.call('HSET', keys.pace, 'places', ARGV[4], 'window', ARGV[5])
local given = {}
give_turns(keys, now, math.huge, given)
local stale = redis.call('ZRANGEBYSCORE', keys.turn, '-inf', since, 'WITHSCORES', 'LIMIT', 0, 1000)
return { given, stale }
