-- KEYS[1] the key; ARGV: token, life of the lease in ms. Prolongs a lease, if it is still held.
local value = read(KEYS[1])
local record = value and parse(value)
if not record or record.token ~= ARGV[1] then return 0 end
if record.kind == 'l' then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
else
  relabel(KEYS[1], value, record, millis() + ARGV[2], record.began, record.token)
end
return 1
