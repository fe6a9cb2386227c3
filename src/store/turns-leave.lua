-- Gives back turns and places that are of no use; after turns.lua.
-- KEYS: any of ours
-- ARGV: prefix, provider, now (ms); id, tenant, when its place was taken as it was found (ms, "" for
--       one that still has its turn; three for each)
-- Answers how many had one, and whose turn it is by now (id, provider, time of each).
local keys, now = keys_of(ARGV[1], ARGV[2]), tonumber(ARGV[3])
if not now or (#ARGV - 3) % 3 ~= 0 then error('catwalk turns-leave: a time or a number') end

local left, given = 0, {}
for at = 4, #ARGV, 3 do
  local taken_at = redis.call('ZSCORE', keys.running, ARGV[at])
  local has_turn = ARGV[at + 2] == '' and redis.call('ZSCORE', keys.turn, ARGV[at])
  if taken_at and (has_turn or ARGV[at + 2] == taken_at) then
    leave(keys, ARGV[at + 1], ARGV[at], now)
    left = left + 1
  end
end
if left > 0 then give_turns(keys, now, math.huge, given) end
return { left, given }
