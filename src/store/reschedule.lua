-- Puts generations into their schedules that ought to be there, or moves them forward: each only if
-- its record is still the one that was read. One that was told meanwhile would be due for ever.
-- KEYS: record, schedule (two for each item)
-- ARGV: id, version read, due (ms), "1" to move it forward too (four for each item)
-- Answers for each item: "put-back", "sooner", "kept", or "moved-on" when the record did.
local answers = {}
for item = 0, #KEYS / 2 - 1 do
  local record, schedule = KEYS[item * 2 + 1], KEYS[item * 2 + 2]
  local at = item * 4
  local id, due = ARGV[at + 1], ARGV[at + 3]
  -- The version is the record's first line.
  local version = string.match(redis.call('GETRANGE', record, 0, 20), '^%d+')
  local score = redis.call('ZSCORE', schedule, id)
  if version ~= ARGV[at + 2] then
    answers[item + 1] = 'moved-on'
  elseif not score then
    redis.call('ZADD', schedule, 'NX', due, id)
    answers[item + 1] = 'put-back'
  elseif ARGV[at + 4] == '1' and tonumber(due) < tonumber(score) then
    redis.call('ZADD', schedule, 'LT', due, id)
    answers[item + 1] = 'sooner'
  else
    answers[item + 1] = 'kept'
  end
end
return answers
