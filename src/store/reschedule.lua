-- Puts generations into their schedules that ought to be there, or moves them forward: each only if
-- its record is still the one that was read. One that was told meanwhile would be due for ever.
-- KEYS: record, schedule (two for each item)
-- ARGV: id, version read, due (ms), "1" to move it forward too (four for each item)
-- Answers for each item: "put-back", "sooner", "kept", or "moved-on" when the record did.

-- Everything is read, and may raise, before the first write.
local answers = {}
for item = 0, #KEYS / 2 - 1 do
  local record, schedule = KEYS[item * 2 + 1], KEYS[item * 2 + 2]
  local at = item * 4
  local id, due = ARGV[at + 1], ARGV[at + 3]
  if not string.match(due or '', '^%-?%d+%.?%d*$') then error('catwalk reschedule: a due time') end
  -- The version is the record's first line.
  local version = string.match(redis.call('GETRANGE', record, 0, 20), '^%d+')
  local score = redis.call('ZSCORE', schedule, id)
  if version ~= ARGV[at + 2] then
    answers[item + 1] = 'moved-on'
  elseif not score then
    answers[item + 1] = 'put-back'
  elseif ARGV[at + 4] == '1' and tonumber(due) < tonumber(score) then
    answers[item + 1] = 'sooner'
  else
    answers[item + 1] = 'kept'
  end
end

for item, answer in ipairs(answers) do
  local schedule, id, due = KEYS[item * 2], ARGV[item * 4 - 3], ARGV[item * 4 - 1]
  if answer == 'put-back' then redis.call('ZADD', schedule, 'NX', due, id) end
  if answer == 'sooner' then redis.call('ZADD', schedule, 'LT', due, id) end
end
return answers
