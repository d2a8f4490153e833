-- KEYS[1] the lock's key; ARGV: owner, life in ms, how long the fencing number outlives the lock in ms.
-- Prolongs a lock that is the owner's; whether it was.
local now = millis()
local held = redis.call('HMGET', KEYS[1], 'owner', 'until')
if held[1] ~= ARGV[1] or (tonumber(held[2]) or 0) <= now then return 0 end
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[2] + ARGV[3]))
return 1
