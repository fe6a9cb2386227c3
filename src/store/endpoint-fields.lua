-- The one place that knows how an endpoint in trouble is stored; put in front of every endpoint
-- script. The hash of a tenant's endpoints has one JSON object for each that failed lately:
--   since          (ms) the trouble's beginning
--   failing_since  (ms) the first failure after which nothing succeeded; 0: the last try was a slow
--                  success
--   failed_at      (ms) the last failure
--   seen_at        (ms) the last try that told anything
--   code           of the last failure, such as "http_500"
--   failed         the ids of the events that failed in a row, no more than open the circuit
--   slow           whether the last try took too long, whatever came of it
--   open           its callbacks take the slow lane
--   disabled_at    (ms) 0: it is not disabled
-- A value of another shape, or one that has been quiet for long, counts as none.
local QUIET_MS, DISABLED_MS = 7 * 86400000, 30 * 86400000

-- Whole milliseconds as whole numbers, and no exponents.
local function text(number)
  return string.format('%.15g', number)
end

local function numbers(...)
  local all = {}
  for place, given in ipairs({ ... }) do
    local number = tonumber(given)
    if not (number and number >= 0 and number < 1e15) then error('catwalk endpoint: a number') end
    all[place] = number
  end
  return unpack(all)
end

local function decode(stored, now)
  local is_json, found = pcall(cjson.decode, stored or '')
  if not is_json or type(found) ~= 'table' or type(found.failed) ~= 'table' then return nil end
  for _, name in ipairs({ 'since', 'failing_since', 'failed_at', 'seen_at', 'disabled_at' }) do
    if type(found[name]) ~= 'number' then return nil end
  end
  if type(found.code) ~= 'string' or type(found.slow) ~= 'boolean' then return nil end
  if type(found.open) ~= 'boolean' then return nil end
  if now - found.seen_at > (found.disabled_at > 0 and DISABLED_MS or QUIET_MS) then return nil end
  return found
end
