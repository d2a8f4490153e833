-- KEYS[1] the tag's key; ARGV: a random text, how long the epoch is needed in ms ('' for ever).
-- Answers the tag's epoch, made if it is missing, and keeps it for as long as it is needed.
local epoch = redis.call('GET', KEYS[1])
if not epoch then
  epoch = string.format('c%.0f-%s', micros(), ARGV[1])
  store(KEYS[1], epoch, ARGV[2])
elseif ARGV[2] == '' then
  redis.call('PERSIST', KEYS[1])
else
  local left = redis.call('PTTL', KEYS[1])
  if left >= 0 and left < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
end
return epoch
