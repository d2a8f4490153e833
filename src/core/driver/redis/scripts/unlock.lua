-- KEYS[1] the lock's key; ARGV: owner. Releases a lock that is the owner's; whether it was.
local held = redis.call('HMGET', KEYS[1], 'owner', 'until')
if held[1] ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'owner', 'until')
return (tonumber(held[2]) or 0) > millis() and 1 or 0
