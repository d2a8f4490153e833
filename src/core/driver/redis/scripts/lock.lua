-- KEYS[1] the lock's key; ARGV: owner, life in ms, how long the fencing number outlives the lock in ms.
-- Answers 1 and the fencing number, or 0 and how long the lock is still held in ms.
local now = micros()
local held = redis.call('HMGET', KEYS[1], 'until', 'fence')
local left = (tonumber(held[1]) or 0) - math.floor(now / 1000)
if left > 0 then return { 0, left } end
local fence = math.max(now, (tonumber(held[2]) or 0) + 1)
local over = string.format('%.0f', math.floor(now / 1000) + ARGV[2])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', over, 'fence', string.format('%.0f', fence))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[2] + ARGV[3]))
return { 1, fence }
