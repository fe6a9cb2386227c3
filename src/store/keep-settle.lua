-- Writes what became of one result, if it is still pending; then nothing is owed for it any more.
-- KEYS: kept results, keep now, keep later
-- ARGV: member, index, state (JSON; "" to write nothing)
-- Answers whether it was written (1 or 0), how many of the generation's are still pending, and "1"
-- if its completion waits for them.

local function isPending(state)
  return state and string.sub(state, 1, 18) == '{"state":"pending"'
end

local written = 0
if ARGV[3] ~= '' and isPending(redis.call('HGET', KEYS[1], ARGV[2])) then
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
  written = 1
end
-- What was erased while it was copied stays owed until its file is removed.
if written == 1 or ARGV[3] == '' then
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
end
local pending = 0
for _, state in ipairs(redis.call('HVALS', KEYS[1])) do
  if isPending(state) then pending = pending + 1 end
end
return { written, pending, redis.call('HGET', KEYS[1], 'waits') or '' }
