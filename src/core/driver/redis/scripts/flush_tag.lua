-- KEYS[1] the tag's key; ARGV: a random text, how long a factory may run that does not know of the flush, in ms.
-- Writes a new epoch: nothing that was stored with the old one is valid any more.
local now = micros()
local before = redis.call('GET', KEYS[1])
local last = before and tonumber(string.match(before, '^%a(%d+)-')) or 0
-- A clock that was set back must not make a flush look older than what it flushes.
if last >= now then now = last + 1 end
store(KEYS[1], string.format('f%.0f-%s', now, ARGV[1]), ARGV[2])
return 1
