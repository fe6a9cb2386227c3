-- Puts generations into the lines of their tenants; after turns.lua.
-- KEYS: any of ours (all others are built from the prefix, and share its hash tag)
-- ARGV: prefix, now (ms); id, provider, tenant, lane, asked for at (ms), places of the provider ("" for
--       no limit), version of its record as it was read: of one that moved on nothing is done (seven
--       for each)
-- Answers when each got its turn (ms, "" while it waits); then whose turn it is by now (id, provider
-- and time of each).
local prefix, now = ARGV[1], tonumber(ARGV[2])
if not now or (#ARGV - 2) % 7 ~= 0 then error('catwalk turns-enter: a time or a number') end
for at = 3, #ARGV, 7 do
  if not tonumber(ARGV[at + 4]) then error('catwalk turns-enter: a time') end
  check_keys(keys_of(prefix, ARGV[at + 1]), ARGV[at + 2])
end

local given, touched = {}, {}
for at = 3, #ARGV, 7 do
  local keys = keys_of(prefix, ARGV[at + 1])
  local version = string.match(redis.call('GETRANGE', keys.records .. ARGV[at], 0, 20), '^%d+')
  if version == ARGV[at + 6] then
    stand_in_line(keys, ARGV[at + 2], ARGV[at + 3], ARGV[at], tonumber(ARGV[at + 4]), now, given)
  end
  touched[keys] = tonumber(ARGV[at + 5]) or math.huge
end
for keys, places in pairs(touched) do give_turns(keys, now, places, given) end

local own = {}
for at = 3, #ARGV, 7 do
  own[#own + 1] = redis.call('ZSCORE', keys_of(prefix, ARGV[at + 1]).turn, ARGV[at]) or ''
end
return { own, given }
