-- KEYS[1] the key; ARGV: the value in two parts, its life in ms ('' for ever), its grace in ms,
-- '1' to store it only where there is no value, a header that counts as nothing.
-- Answers 'ok' if it was stored, or 'there' and the header of what is there.
if ARGV[5] == '1' then
  local value = read(KEYS[1])
  local record = value and parse(value)
  if holds(record) and (record.fresh == 0 or record.fresh > millis()) then
    local first = head(value, record)
    if ARGV[6] == '' or first ~= ARGV[6] then return { 'there', first } end
  end
end
keep(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
return { 'ok', false }
