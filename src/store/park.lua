-- A delivery that names a provider's task and nothing else: whose is it?
-- KEYS: task entry, parked deliveries
-- ARGV: the delivery, how long it is parked (ms), how many are kept for one task
-- Answers the generation's id; or false, and then the delivery is parked for the submit's save.
local id = redis.call('GET', KEYS[1])
if id then return id end
-- Checked before the first write: what is parked without an end would stay for ever.
local lifetime, most = string.match(ARGV[2], '^[1-9]%d*$'), string.match(ARGV[3], '^[1-9]%d*$')
if not (lifetime and most and #lifetime <= 15 and #most <= 9) then
  error('catwalk park: a lifetime or a number')
end
redis.call('RPUSH', KEYS[2], ARGV[1])
redis.call('LTRIM', KEYS[2], -tonumber(most), -1)
redis.call('PEXPIRE', KEYS[2], lifetime)
return false
