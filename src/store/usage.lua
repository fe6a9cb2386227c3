-- Counts ends of generations in the usage of a tenant's day, each once, however often it is told.
-- KEYS: what was counted of this generation, usage of the day (two for each item)
-- ARGV: lifetime of the first (ms), lifetime of the second (ms); then for each item: its outcome,
--       field of that outcome, field of a success that came after another end, field of what was
--       charged ("" when nothing is known), by how much that grows

-- Whatever can raise comes first: a script that ends in the middle leaves half of its writes.
local function must(isSo, what)
  if not isSo then error('catwalk usage: ' .. what) end
end
must(#KEYS % 2 == 0 and #ARGV == 2 + #KEYS / 2 * 5, 'keys and arguments do not fit each other')
for at = 1, 2 do
  must(string.match(ARGV[at], '^[1-9]%d*$') and #ARGV[at] <= 15, 'a lifetime')
end
local counted = {}
for item = 0, #KEYS / 2 - 1 do
  local at = 2 + item * 5
  local kind = redis.call('TYPE', KEYS[item * 2 + 2]).ok
  must(kind == 'hash' or kind == 'none', 'usage that is none')
  must(ARGV[at + 4] == '' or string.match(ARGV[at + 5], '^%d+%.?%d*$'), 'a charge')
  counted[KEYS[item * 2 + 1]] = redis.call('GET', KEYS[item * 2 + 1])
end

for item = 0, #KEYS / 2 - 1 do
  local once, usage, at = KEYS[item * 2 + 1], KEYS[item * 2 + 2], 2 + item * 5
  local outcome, charge = ARGV[at + 1], ARGV[at + 4]
  local before = counted[once]
  local isLate = before and outcome == 'completed' and not string.match(before, '^completed')
  if not before or isLate then
    redis.call('HINCRBY', usage, isLate and ARGV[at + 3] or ARGV[at + 2], 1)
    local isCharged = before and string.match(before, ' charged$')
    if charge ~= '' and not isCharged then
      redis.call('HINCRBYFLOAT', usage, charge, ARGV[at + 5])
      isCharged = true
    end
    redis.call('PEXPIRE', usage, ARGV[2])
    counted[once] = outcome .. (isCharged and ' charged' or '')
    redis.call('SET', once, counted[once], 'PX', ARGV[1])
  end
end
return #KEYS / 2
