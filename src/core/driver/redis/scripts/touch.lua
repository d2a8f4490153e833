-- KEYS[1] the key; ARGV: life in ms ('' for ever), a header whose tags were found valid.
-- Answers 1 if there was a value, 0 if not, and the header if its tags are to be looked at first.
local value = read(KEYS[1])
local record = value and parse(value)
if not holds(record) then return { 0, false } end
local now = millis()
if record.fresh ~= 0 and record.fresh <= now then return { 0, false } end
if record.tags > 0 and head(value, record) ~= ARGV[2] then return { 2, head(value, record) } end
if ARGV[1] == '' then
  record.fresh = 0
  if record.kind ~= 'p' then relabel(KEYS[1], value, record, record.leased, record.began, record.token) end
  redis.call('PERSIST', KEYS[1])
elseif record.fresh == 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
else
  local grace = redis.call('PTTL', KEYS[1]) - (record.fresh - now)
  record.fresh = now + ARGV[1]
  relabel(KEYS[1], value, record, record.leased, record.began, record.token)
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[1] + grace))
end
return { 1, false }
