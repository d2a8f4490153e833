-- KEYS[1] the key; ARGV: step, life of a new counter in ms ('' for ever), a header, and what is known of it:
-- '1' if its tags are valid, '0' if it counts as nothing.
-- Answers 'ok' and the number, 'nan', 'range', or 'ask' and the header if its tags are to be looked at first.

-- The shortest text that reads back as the same number.
local function text(number)
  if number == math.floor(number) then return string.format('%.0f', number) end
  for digits = 15, 17 do
    local short = string.format('%.' .. digits .. 'g', number)
    if tonumber(short) == number then return short end
  end
end

local value = read(KEYS[1])
local record = value and parse(value)
if holds(record) and record.fresh ~= 0 and record.fresh <= millis() then record = nil end
if holds(record) and record.tags > 0 then
  local first = head(value, record)
  if first ~= ARGV[3] then return { 'ask', first } end
  if ARGV[4] == '0' then record = nil end
end
local number, before, life = 0, '', ARGV[2]
if holds(record) then
  before = head(value, record)
  local held = string.sub(value, #before + 1)
  local known = record.kind == 'p' or record.kind == 'j'
  if not known or not string.match(held, '^-?%d+%.?%d*[eE]?[+-]?%d*$') then return { 'nan', false } end
  number, life = tonumber(held), nil
  if not number then return { 'nan', false } end
end
number = number + ARGV[1]
if number > 9007199254740991 or number < -9007199254740991 then return { 'range', false } end
local shown = text(number + 0)
if shown == '-0' then shown = '0' end
if life then
  store(KEYS[1], shown, life)
else
  redis.call('SET', KEYS[1], before .. shown, 'KEEPTTL')
end
return { 'ok', shown }
