-- KEYS[1] the key; ARGV: token, life of the lease in ms, names of its tags, a header that counts as nothing.
-- Answers what there is ('hit', 'held'), or gives the lease ('granted', with a stale value if there is one).
local value = read(KEYS[1])
local record = value and parse(value)
if record and ARGV[4] ~= '' and string.sub(value, 1, #ARGV[4]) == ARGV[4] then record = nil end
local began = micros()
local now = math.floor(began / 1000)
local leased = now + ARGV[2]
if record and record.kind == 'l' then return { 'held', value, now, 0 } end
if holds(record) then
  if record.fresh == 0 or record.fresh > now then return { 'hit', value, now, 0 } end
  if record.leased > now then return { 'held', value, now, 0 } end
  relabel(KEYS[1], value, record, leased, began, ARGV[1])
  return { 'granted', value, now, began }
end
redis.call('SET', KEYS[1], line('l', #ARGV[3], 0, leased, began, ARGV[1]) .. ARGV[3], 'PX', ARGV[2])
return { 'granted', false, now, began }
