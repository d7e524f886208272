-- All that Redis does for limits: one atomic step for each `op`. See redis_codec.py for who calls what.
--
-- KEYS are all in one hash slot and all given by the caller; KEYS[1] is the epoch. ARGV[1] is the op,
-- ARGV[2] the time in Unix microseconds, empty for the server's own.
--
-- Numbers are doubles, exact to 2^53. Times are below 2^52 until the year 2112, for which floor(a / b) and
-- a % b are exact: a quotient that is not whole misses the next whole number by at least 1 / a of itself,
-- more than rounding adds. Amounts are below 2^52, fractions of a rate below 2^50 (the caller sees to it),
-- so that no sum here reaches 2^53.

local DAY = 86400 * 1000000
local SLOTS = 60 -- windows.py
local ROLLING, FIXED, MONTH = 1, 2, 3
local SLACK_MS = 1000
local EPOCH_MS = 70 * 86400 * 1000 -- nobody looked for so long: no period goes back further

local now
if ARGV[2] == '' then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
else
  now = tonumber(ARGV[2])
end

-- redis.call() writes a number with 17 digits, tostring() and .. with 14 only.
local function text(number)
  return string.format('%d', number)
end

-- Until when a key is kept: the clock says what of it counts, and not how quick Redis is to forget it.
local function kept_ms(at)
  return math.max(0, math.ceil((at - now) / 1000)) + SLACK_MS
end

local function expire(key, at)
  redis.call('PEXPIRE', key, kept_ms(at))
end

-- windows.py, _month_start
local function month_start(us)
  local days = math.floor(us / DAY)
  local of_era = (days + 719468) % 146097
  local year = math.floor(
    (of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524) - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * of_year + 2) / 153)
  return (days - (of_year - math.floor((153 * month + 2) / 5))) * DAY
end

-- --- rates: the time at which the bucket is empty, as whole microseconds and a fraction in 1/amount of one

local function rate_open(held, amount)
  if not held then return now, 0 end
  local us, fraction, of = string.match(held, '^(%d+) (%d+) (%d+)$')
  us, fraction = tonumber(us), tonumber(fraction)
  if tonumber(of) ~= amount then -- another rate: the same moment, rounded up
    if fraction > 0 then us = us + 1 end
    fraction = 0
  end
  if us < now then return now, 0 end
  return us, fraction
end

local function rate_put(key, us, fraction, amount)
  redis.call('SET', key, string.format('%d %d %d', us, fraction, amount), 'PX', kept_ms(us + 1))
end

-- --- budgets: a hash of slot -> taken, with `sum` of all, `old` (no slot is older), `new` (the newest slot)

local function slot_at(rule, width, us)
  if rule == ROLLING then return math.floor(us / width) end
  if rule == FIXED then return us - us % width end
  return month_start(us)
end

local function forgotten_at(rule, width, slot)
  if rule == ROLLING then return (slot + SLOTS + 1) * width end
  if rule == FIXED then return slot + width end
  return month_start(slot + 31 * DAY)
end

-- The budget without what it has forgotten, with what was taken in one slot: that of the moment `at`, or the
-- current one. `width` is that of a slot. After a fail-over the clock may have gone back: no calendar period
-- begins again, and no slot comes before the oldest.
local function budget_open(key, rule, width, at)
  local slot = slot_at(rule, width, at or now)
  local held = redis.call('HMGET', key, 'sum', 'old', 'new', slot)
  if not held[1] then return {key = key, rule = rule, width = width, slot = slot, sum = 0, taken = 0} end
  local sum, old, new = tonumber(held[1]), tonumber(held[2]), tonumber(held[3])
  local current = math.max(at and slot_at(rule, width, now) or slot, rule == ROLLING and old or new)
  local live = rule == ROLLING and current - SLOTS or current
  if new < live then
    redis.call('DEL', key)
    return {key = key, rule = rule, width = width, slot = at and slot or current, sum = 0, taken = 0}
  end
  local taken = tonumber(held[4] or 0)
  if slot < live then taken = 0 end
  if old < live and rule == ROLLING then
    local gone = {}
    for passed = old, live - 1 do gone[#gone + 1] = passed end
    for _, passed in ipairs(redis.call('HMGET', key, unpack(gone))) do
      sum = sum - (tonumber(passed) or 0) -- an absent field is false, not nil
    end
    redis.call('HDEL', key, unpack(gone))
    old = live
    redis.call('HSET', key, 'sum', sum, 'old', old)
  end
  if not at and slot ~= current then
    slot, taken = current, tonumber(redis.call('HGET', key, current) or 0)
  end
  return {
    key = key, rule = rule, width = width, slot = slot, sum = sum, taken = taken, old = old, new = new}
end

local function budget_take(b, amount)
  if amount == 0 then return end
  local slot = b.slot
  b.taken, b.sum = b.taken + amount, b.sum + amount
  if b.new and b.old <= slot and slot <= b.new then
    redis.call('HSET', b.key, slot, b.taken, 'sum', b.sum)
    return
  end
  local newest = b.new
  b.old, b.new = math.min(b.old or slot, slot), math.max(newest or slot, slot)
  redis.call('HSET', b.key, slot, b.taken, 'sum', b.sum, 'old', b.old, 'new', b.new)
  if b.new ~= newest then expire(b.key, forgotten_at(b.rule, b.width, b.new)) end
end

local function budget_give_back(b, amount)
  local slot, back = b.slot, math.min(b.taken, amount)
  if not b.new or back <= 0 then return end
  b.sum, b.taken = b.sum - back, b.taken - back
  if b.sum == 0 then
    redis.call('DEL', b.key)
  elseif b.taken > 0 then
    redis.call('HSET', b.key, slot, b.taken, 'sum', b.sum)
  else
    redis.call('HDEL', b.key, slot)
    if slot == b.new then
      b.new = b.old
      for _, name in ipairs(redis.call('HKEYS', b.key)) do
        b.new = math.max(b.new, tonumber(name) or 0)
      end
    end
    redis.call('HSET', b.key, 'sum', b.sum, 'new', b.new)
  end
end

-- When `want` fits beside what will be live then, if nobody else takes; -1 for never.
local function budget_room_at(b, amount, want)
  if want > amount then return -1 end
  local held = redis.call('HGETALL', b.key)
  local slots, taken = {}, {}
  for i = 1, #held, 2 do
    local slot = tonumber(held[i])
    if slot then
      slots[#slots + 1] = slot
      taken[slot] = tonumber(held[i + 1])
    end
  end
  table.sort(slots)
  local sum = b.sum
  for _, slot in ipairs(slots) do
    sum = sum - taken[slot]
    if sum + want <= amount then return forgotten_at(b.rule, b.width, slot) end
  end
  return -1
end

-- --- leases: a sorted set of reservations by the time until which they hold

local function lease_count(key)
  return redis.call('ZCOUNT', key, now, '+inf')
end

local function lease_put(key, reservation, us, only_present)
  if only_present then
    redis.call('ZADD', key, 'XX', now + us, reservation)
  else
    redis.call('ZADD', key, now + us, reservation)
  end
  redis.call('PEXPIRE', key, math.ceil(us / 1000))
end

-- --- decisions: many in one run, each all or nothing. Of one, KEYS[k] is by what it is remembered, so that what
-- is sent again is not done again, KEYS[k + 1..last] are its cells, and `form` is packed: six doubles that
-- say what is to be done, then six for each cell, its kind first.

local GRANTED, REJECTED, AGAIN, OTHER_EPOCH, GIVEN_UP = 1, 0, 2, 3, 4
local TAKE, SETTLE = 1, 2
local RATE, BUDGET, LEASE = 1, 2, 3
local SIX, PART = '<dddddd', 48
local epoch = ''

-- When the present epoch began. What was taken before it was counted anew from records, perhaps as it was
-- spent in the end: nothing of it is given back a second time.
local function began()
  return tonumber(string.match(epoch, '^%S+ %S+ (%d+)$') or now)
end

-- Tells the status, now, and three numbers for each cell. A reservation that was given up is not taken late.
local function take(k, last, form, reservation, believed, remember_ms)
  local held = redis.call('MGET', unpack(KEYS, k, last)) -- of keys that are no strings it gives none
  local before = held[1]
  if epoch ~= believed then return {OTHER_EPOCH} end
  if before == 'x' then return {GIVEN_UP} end
  local fits, room, first, second = not before, {}, {}, {}
  for n = 2, last - k + 1 do
    local kind, a, b, c, d, e = struct.unpack(SIX, form, (n - 1) * PART + 1)
    if kind == RATE then -- amount, one call's time (us, fraction), the time a burst may be ahead (same)
      local us, fraction = rate_open(held[n], a)
      local latest = now + d
      first[n], second[n] = us, fraction
      room[n] = us < latest or (us == latest and fraction <= e)
    elseif kind == BUDGET then -- rule, width, amount, want
      first[n] = budget_open(KEYS[k + n - 1], a, b)
      room[n] = first[n].sum + d <= c
    else -- amount, how long
      first[n] = lease_count(KEYS[k + n - 1])
      room[n] = first[n] < a
    end
    fits = fits and room[n]
  end
  local answer = {before and AGAIN or (fits and GRANTED or REJECTED), before and tonumber(before) or now}
  for n = 2, last - k + 1 do
    local kind, a, b, c, d = struct.unpack(SIX, form, (n - 1) * PART + 1)
    local key, at = KEYS[k + n - 1], #answer
    if kind == RATE then
      local us, fraction = first[n], second[n]
      if fits then
        us, fraction = us + b, fraction + c
        if fraction >= a then us, fraction = us + 1, fraction - a end
        rate_put(key, us, fraction, a)
      end
      answer[at + 1], answer[at + 2], answer[at + 3] = us, fraction, 0
    elseif kind == BUDGET then
      local budget, room_at = first[n], 0
      if fits then
        budget_take(budget, d)
      elseif not room[n] and not before then
        room_at = budget_room_at(budget, c, d)
      end
      answer[at + 1], answer[at + 2], answer[at + 3] = budget.sum, budget.new or -1, room_at
    else
      if fits then lease_put(key, reservation, b, false) end
      answer[at + 1], answer[at + 2], answer[at + 3] = first[n] + (fits and 1 or 0), 0, 0
    end
  end
  if fits then redis.call('SET', KEYS[k], now, 'PX', remember_ms) end
  return answer
end

-- The cells: leases, and budgets with rule, width and what was spent less what was taken.
local function settle(k, last, form, reservation, remember_ms, at)
  if not redis.call('SET', KEYS[k], '1', 'NX', 'PX', remember_ms) then return AGAIN end
  for n = 2, last - k + 1 do
    local kind, rule, width, more = struct.unpack(SIX, form, (n - 1) * PART + 1)
    local key = KEYS[k + n - 1]
    if kind == LEASE then
      redis.call('ZREM', key, reservation)
    elseif more > 0 then
      budget_take(budget_open(key, rule, width), more)
    elseif at >= began() then
      budget_give_back(budget_open(key, rule, width, at), -more)
    end
  end
  return GRANTED
end

-- The cells as for `take`. Undoes a reservation whose answer nobody heard; where it has not come yet it never
-- will. A rate keeps the call.
local function give_up(k, last, form, reservation, remember_ms)
  local before = redis.call('GET', KEYS[k])
  if before == 'x' then return REJECTED end
  redis.call('SET', KEYS[k], 'x', 'PX', remember_ms)
  if not before then return REJECTED end
  local at = tonumber(before)
  for n = 2, last - k + 1 do
    local kind, rule, width, _, want = struct.unpack(SIX, form, (n - 1) * PART + 1)
    local key = KEYS[k + n - 1]
    if kind == LEASE then
      redis.call('ZREM', key, reservation)
    elseif kind == BUDGET and at >= began() then
      budget_give_back(budget_open(key, rule, width, at), want)
    end
  end
  return GRANTED
end

-- --- the steps

local steps = {}

-- ARGV: for each decision its reservation, the epoch it believes in, and its form: what to do, how many cells,
-- ms to remember it, when it was granted. Gives one string of doubles, in which the answer to each is preceded
-- by its length: a client reads it at once, but each number of an array as a line of its own.
function steps.decide()
  local answers, k = {}, 2
  epoch = redis.call('GET', KEYS[1]) or ''
  for a = 3, #ARGV, 3 do
    local reservation, form = ARGV[a], ARGV[a + 2]
    local what, cells, remember_ms, at = struct.unpack(SIX, form)
    local last = k + cells
    if what == TAKE then
      local answer = take(k, last, form, reservation, ARGV[a + 1], remember_ms)
      answers[#answers + 1] = struct.pack('<' .. string.rep('d', #answer + 1), #answer, unpack(answer))
    elseif what == SETTLE then
      answers[#answers + 1] = struct.pack('<dd', 1, settle(k, last, form, reservation, remember_ms, at))
    else
      answers[#answers + 1] = struct.pack('<dd', 1, give_up(k, last, form, reservation, remember_ms))
    end
    k = last + 1
  end
  return table.concat(answers)
end

-- ARGV: how long, `XX` (renew what is held) or empty (hold it again), then one reservation for each key.
function steps.hold()
  for k = 2, #KEYS do
    redis.call('ZREMRANGEBYSCORE', KEYS[k], '-inf', '(' .. text(now))
    lease_put(KEYS[k], ARGV[3 + k], tonumber(ARGV[3]), ARGV[4] == 'XX')
  end
  return GRANTED
end

-- ARGV: a process, how long it lives without another beat. Gives the epoch and how many processes live.
function steps.beat()
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
  lease_put(KEYS[2], ARGV[3], tonumber(ARGV[4]), false)
  redis.call('PEXPIRE', KEYS[1], EPOCH_MS)
  return {GRANTED, now, redis.call('GET', KEYS[1]) or '', lease_count(KEYS[2])}
end

-- ARGV: the epoch as it was found, then for each key: `r`, amount, when it is empty; or `b`, rule, width,
-- slot, taken. What is held already stays where it is more.
function steps.restore()
  local epoch = redis.call('GET', KEYS[1]) or ''
  if epoch ~= ARGV[3] then return {OTHER_EPOCH, now, epoch} end
  local a = 4
  for k = 2, #KEYS do
    if ARGV[a] == 'r' then
      local amount, empty = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2])
      if empty > rate_open(redis.call('GET', KEYS[k]), amount) then rate_put(KEYS[k], empty, 0, amount) end
      a = a + 3
    else
      local b = budget_open(KEYS[k], tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]))
      local slot, taken = math.min(tonumber(ARGV[a + 3]), b.slot), tonumber(ARGV[a + 4])
      if forgotten_at(b.rule, b.width, slot) > now then
        b.slot, b.taken = slot, tonumber(redis.call('HGET', KEYS[k], slot) or 0)
        budget_take(b, math.max(0, taken - b.taken))
      end
      a = a + 5
    end
  end
  return {GRANTED, now}
end

-- ARGV: the epoch as it was found, and the name of the next, which begins now.
function steps.open()
  local epoch = redis.call('GET', KEYS[1]) or ''
  if epoch ~= ARGV[3] then return {OTHER_EPOCH, now, epoch} end
  epoch = ARGV[4] .. ' ' .. text(now)
  redis.call('SET', KEYS[1], epoch, 'PX', EPOCH_MS)
  return {GRANTED, now, epoch}
end

return steps[ARGV[1]]()
