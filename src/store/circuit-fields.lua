-- The one place that knows how a circuit is stored; put in front of every circuit script. KEYS[1] is
-- the hash of a provider's circuits, by model. A circuit is six numbers with spaces between them:
--   failures      how many in a row
--   times_opened  in a row, without a success between
--   open_until    (ms) closed while 0, open until then, and half-open from then on
--   probe_until   (ms) names the submission that a half-open circuit lets through, and keeps the
--                 others back until then; 0: none is under way
--   failed_at     (ms) the last failure
--   line_end      (ms) the last place in the line of those that wait
-- A value of another shape counts as a closed circuit without failures; the next failure replaces it.
local FIELDS = { 'failures', 'times_opened', 'open_until', 'probe_until', 'failed_at', 'line_end' }

local function decode(stored)
  local numbers = {}
  for word in string.gmatch(stored or '', '%S+') do table.insert(numbers, tonumber(word)) end
  local circuit = {}
  for place, name in ipairs(FIELDS) do
    circuit[name] = #numbers == #FIELDS and numbers[place] or 0
  end
  return circuit
end

-- Whole milliseconds as whole numbers, and no exponents.
local function text(number)
  return string.format('%.15g', number)
end

local function read(model)
  return decode(redis.call('HGET', KEYS[1], model))
end

local function write(model, circuit)
  local numbers = {}
  for place, name in ipairs(FIELDS) do numbers[place] = text(circuit[name]) end
  redis.call('HSET', KEYS[1], model, table.concat(numbers, ' '))
end
