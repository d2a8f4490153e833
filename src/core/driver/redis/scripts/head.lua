-- KEYS[1] the key. Answers its header ('' for a plain value), how long it lives in ms, and the time.
local value = read(KEYS[1])
local record = value and parse(value)
if not holds(record) then return { false, 0, 0 } end
return { head(value, record), redis.call('PTTL', KEYS[1]), millis() }
