-- The one compare-and-set. Saves a list of records, each only if its version is still the one that
-- was read, and moves each in its schedule in the same step. Where deliveries are matched by task
-- id, it also says whose task this is, and hands over what came too early.
-- KEYS: record, schedule, task entry, parked deliveries (four for each item)
-- ARGV: id, version read, new value, due (ms, "" when nothing is owed), lifetime (ms, "" for ever),
--       lifetime of the task entry (ms, "" for none: its two keys are not touched then)
-- Answers for each item: when saved, the parked deliveries (mostly none); else the value that is
-- there now, or false if there is none.
local answers = {}
for item = 0, #KEYS / 4 - 1 do
  local record, schedule = KEYS[item * 4 + 1], KEYS[item * 4 + 2]
  local at = item * 6
  local current = redis.call('GET', record)
  if not current then
    redis.call('ZREM', schedule, ARGV[at + 1])
    answers[item + 1] = false
  elseif string.match(current, '^%d+') ~= ARGV[at + 2] then
    answers[item + 1] = current
  else
    if ARGV[at + 5] == '' then
      redis.call('SET', record, ARGV[at + 3])
    else
      redis.call('SET', record, ARGV[at + 3], 'PX', ARGV[at + 5])
    end
    if ARGV[at + 4] == '' then
      redis.call('ZREM', schedule, ARGV[at + 1])
    else
      redis.call('ZADD', schedule, ARGV[at + 4], ARGV[at + 1])
    end
    answers[item + 1] = {}
    if ARGV[at + 6] ~= '' then
      redis.call('SET', KEYS[item * 4 + 3], ARGV[at + 1], 'PX', ARGV[at + 6])
      -- Not deleted: whoever asked may die before acting on them, and they expire by themselves.
      answers[item + 1] = redis.call('LRANGE', KEYS[item * 4 + 4], 0, -1)
    end
  end
end
return answers
