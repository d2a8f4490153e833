-- What every script begins with: this server's clock, and the header of a stored record.
--
-- A record is "\252" "1" kind " " tagbytes " " fresh " " leased " " began " " token "\n", the tags, the payload.
-- kind: j s b (the formats), J S B (compressed), l (a lease alone), e (a failed run). docs/wire-format.md has
-- the whole of it. Everything that does not begin with "\252" is plain: JSON text.

local function micros()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function millis()
  return math.floor(micros() / 1000)
end

-- What is stored; something that is no string reads as a record that nobody can decode.
local function read(key)
  local value = redis.pcall('GET', key)
  if type(value) == 'table' then return '\252' end
  return value
end

local function parse(value)
  if string.byte(value, 1) ~= 252 then
    return { kind = 'p', tags = 0, fresh = 0, leased = 0, began = 0, token = '-', at = 1 }
  end
  local _, stop, kind, tags, fresh, leased, began, token =
    string.find(value, '^\2521(%a) (%d+) (%d+) (%d+) (%d+) (%S+)\n')
  if not stop then
    return { kind = '?', tags = 0, fresh = 0, leased = 0, began = 0, token = '-', at = 1 }
  end
  return {
    kind = kind, tags = tonumber(tags), fresh = tonumber(fresh), leased = tonumber(leased),
    began = tonumber(began), token = token, at = stop + 1,
  }
end

local function line(kind, tags, fresh, leased, began, token)
  return string.format('\2521%s %07.0f %015.0f %015.0f %017.0f %s\n', kind, tags, fresh, leased, began, token)
end

-- The header with the tags, which names this state of the record.
local function head(value, record)
  return string.sub(value, 1, record.at - 1 + record.tags)
end

-- Whether there is a value, fresh or stale; a lease alone and a failed run are none.
local function holds(record)
  return record and record.kind ~= 'l' and record.kind ~= 'e'
end

-- The same value under another line. What is left of its life stays.
local function relabel(key, value, record, leased, began, token)
  local first = line(record.kind, record.tags, record.fresh, leased, began, token)
  redis.call('SET', key, first .. string.sub(value, record.at), 'KEEPTTL')
end

-- Stores for so many milliseconds; '' is for ever.
local function store(key, value, px)
  if px == '' then
    redis.call('SET', key, value)
  else
    redis.call('SET', key, value, 'PX', px)
  end
end

-- Stores a value in two parts. Where there is a grace, the time until which it is fresh comes between them.
local function keep(key, first, second, ttl, grace)
  if ttl == '' or grace == '0' then return store(key, first .. second, ttl) end
  local fresh = string.format('%015.0f', millis() + ttl)
  store(key, first .. fresh .. second, string.format('%.0f', ttl + grace))
end
