-- KEYS[1] the key; ARGV: token, the error for those who wait ('' if there is none), how long it stays in ms.
-- Gives a lease back, if it is still held.
local value = read(KEYS[1])
local record = value and parse(value)
if not record or record.token ~= ARGV[1] then return 0 end
if record.kind ~= 'l' then
  relabel(KEYS[1], value, record, 0, 0, '-')
elseif ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], line('e', 0, 0, 0, 0, ARGV[1]) .. ARGV[2], 'PX', ARGV[3])
end
return 1
