-- The one compare-and-set. Saves a list of records, each only if its version is still the one that
-- was read, and moves each in its schedule in the same step.
-- KEYS: record, schedule (a pair for each item)
-- ARGV: id, version read, new value, due (ms, "" when nothing is owed), lifetime (ms, "" for ever)
-- Answers for each item: true when saved, else the value that is there now, or false if none is.
local answers = {}
for item = 0, #KEYS / 2 - 1 do
  local record, schedule = KEYS[item * 2 + 1], KEYS[item * 2 + 2]
  local at = item * 5
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
    answers[item + 1] = 1
  end
end
return answers
