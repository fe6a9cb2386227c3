-- Counts ends of generations in the usage of a tenant's day, each once, however often it is told.
-- KEYS: what was counted of such generations, usage of the day (two for each item)
-- ARGV: lifetime of the first (ms), lifetime of the second (ms); then for each item: its field in the
--       first, its outcome, field of that outcome, field of a success that came after another end,
--       field of what was charged ("" when nothing is known), by how much that grows
-- What was counted is noted in one letter: c for completed, e for another end; in capitals when it
-- was charged.

-- Whatever can raise comes first: a script that ends in the middle leaves half of its writes.
local function must(isSo, what)
  if not isSo then error('catwalk usage: ' .. what) end
end
must(#KEYS % 2 == 0 and #ARGV == 2 + #KEYS / 2 * 6, 'keys and arguments do not fit each other')
for at = 1, 2 do
  must(string.match(ARGV[at], '^[1-9]%d*$') and #ARGV[at] <= 15, 'a lifetime')
end
for item = 0, #KEYS / 2 - 1 do
  for at = item * 2 + 1, item * 2 + 2 do
    local kind = redis.call('TYPE', KEYS[at]).ok
    must(kind == 'hash' or kind == 'none', 'usage that is none')
  end
  local at = 2 + item * 6
  must(ARGV[at + 5] == '' or string.match(ARGV[at + 6], '^%d+%.?%d*$'), 'a charge')
end

for item = 0, #KEYS / 2 - 1 do
  local counted, usage, at = KEYS[item * 2 + 1], KEYS[item * 2 + 2], 2 + item * 6
  local own, charge = ARGV[at + 1], ARGV[at + 5]
  local note = ARGV[at + 2] == 'completed' and 'c' or 'e'
  local before = redis.call('HGET', counted, own)
  local isLate = before and note == 'c' and string.lower(before) == 'e'
  if not before or isLate then
    redis.call('HINCRBY', usage, isLate and ARGV[at + 4] or ARGV[at + 3], 1)
    local isCharged = before == 'E'
    if charge ~= '' and not isCharged then
      redis.call('HINCRBYFLOAT', usage, charge, ARGV[at + 6])
      isCharged = true
    end
    redis.call('PEXPIRE', usage, ARGV[2])
    redis.call('HSET', counted, own, isCharged and string.upper(note) or note)
    redis.call('PEXPIRE', counted, ARGV[1])
  end
end
return #KEYS / 2
