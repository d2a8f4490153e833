-- KEYS[1] the key; ARGV: token, '1' to keep, life in ms ('' for ever), grace in ms, the value in two parts.
-- Answers 1 if it was stored, 2 if it was not to be, 0 if the lease is gone: something newer came between.
local value = read(KEYS[1])
local record = value and parse(value)
if not record or record.token ~= ARGV[1] then return 0 end
if ARGV[2] ~= '1' then
  if record.kind == 'l' then
    redis.call('DEL', KEYS[1])
  else
    relabel(KEYS[1], value, record, 0, 0, '-')
  end
  return 2
end
if ARGV[3] == '0' then
  redis.call('DEL', KEYS[1])
  return 2
end
keep(KEYS[1], ARGV[5], ARGV[6], ARGV[3], ARGV[4])
return 1
