-- The one place that knows how a circuit is stored; put in front of every circuit script. KEYS[1] is
-- the hash of a provider's circuits, by model. A circuit is words with spaces between them, six
-- numbers first:
--   failures      how many different generations in a row met trouble
--   times_opened  in a row, without a success between
--   open_until    (ms) closed while 0, open until then, and half-open from then on
--   probe_until   (ms) names the submission that a half-open circuit lets through, and keeps the
--                 others back until then; 0: none is under way
--   failed_at     (ms) the last failure
--   line_end      (ms) the last place in the line of those that wait
-- then what was met last ("failure", or a refusal: "unauthorized", "out_of_credit"); then who met it,
-- the latest last, each as its generation, a slash and its tenant. Earlier releases wrote the numbers
-- alone, of failures, and read no further.
-- A value of another shape counts as a closed circuit without failures; the next failure replaces it.
local FIELDS = { 'failures', 'times_opened', 'open_until', 'probe_until', 'failed_at', 'line_end' }
-- A repeat is recognised among so many; more of them would make every reading dear.
local MOST_MET = 64

local function decode(stored)
  local words = {}
  for word in string.gmatch(stored or '', '%S+') do table.insert(words, word) end
  local circuit, is_known = { kind = words[#FIELDS + 1] or 'failure', met = {} }, true
  for place, name in ipairs(FIELDS) do
    circuit[name] = tonumber(words[place])
    is_known = is_known and circuit[name] ~= nil
  end
  for place = #FIELDS + 2, #words do table.insert(circuit.met, words[place]) end
  if is_known then return circuit end
  for _, name in ipairs(FIELDS) do circuit[name] = 0 end
  circuit.kind, circuit.met = 'failure', {}
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
  local words = {}
  for _, name in ipairs(FIELDS) do table.insert(words, text(circuit[name])) end
  table.insert(words, circuit.kind)
  for _, who in ipairs(circuit.met) do table.insert(words, who) end
  redis.call('HSET', KEYS[1], model, table.concat(words, ' '))
end

local function tenant_of(who)
  return string.match(who, '/(.*)$')
end

-- Whose trouble it is while nobody else has met it; else nil.
local function only_tenant(circuit)
  local only
  for _, who in ipairs(circuit.met) do
    local tenant = tenant_of(who)
    if only and only ~= tenant then return nil end
    only = tenant
  end
  return only
end

-- A provider that refuses is there, and may refuse that tenant's requests alone; one that fails does
-- so for everybody.
local function tenant_kept_back(circuit)
  return circuit.kind ~= 'failure' and only_tenant(circuit) or nil
end

local function keeps_back(circuit, tenant)
  local only = tenant_kept_back(circuit)
  return circuit.open_until > 0 and (only == nil or only == tenant)
end
