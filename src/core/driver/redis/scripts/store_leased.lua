-- KEYS[1] the key; ARGV: what stands under it while its lease is held, the value, its life in ms.
-- Answers 1 if it was stored, 0 if something else stands there. Loaded without the prelude: most fills are this.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
