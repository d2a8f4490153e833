-- KEYS[1] the key; ARGV: '1' for the whole value, '0' for its header. Removes the key; answers what it held.
local value = read(KEYS[1])
if not value then return { false, 0 } end
local record = parse(value)
redis.call('UNLINK', KEYS[1])
if not holds(record) then return { false, 0 } end
return { ARGV[1] == '1' and value or head(value, record), millis() }
