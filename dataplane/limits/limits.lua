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
  return string.format('%.0f', number)
end

local function expire(key, at)
  redis.call('PEXPIRE', key, math.max(1, math.ceil((at - now) / 1000)))
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
  local ms = math.max(1, math.ceil((us + 1 - now) / 1000))
  redis.call('SET', key, string.format('%.0f %.0f %.0f', us, fraction, amount), 'PX', ms)
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

-- The budget without what it has forgotten, with what was taken in the current slot and in that of `at`.
-- `width` is that of a slot. After a fail-over the clock may have gone back: no calendar period begins
-- again, and no slot comes before the oldest.
local function budget_open(key, rule, width, at)
  local slot = slot_at(rule, width, now)
  local b = {key = key, rule = rule, width = width, slot = slot, sum = 0, taken = {}}
  b.at = at and slot_at(rule, width, at) or slot
  local held = redis.call('HMGET', key, 'sum', 'old', 'new', slot, b.at)
  if not held[1] then return b end
  local sum, old, new = tonumber(held[1]), tonumber(held[2]), tonumber(held[3])
  local live
  if rule == ROLLING then
    b.slot = math.max(slot, old)
    live = b.slot - SLOTS
  else
    b.slot = math.max(slot, new)
    live = b.slot
  end
  if new < live then
    redis.call('DEL', key)
    return b
  end
  if old < live and rule == ROLLING then
    local gone = {}
    for passed = old, live - 1 do gone[#gone + 1] = passed end
    for _, taken in ipairs(redis.call('HMGET', key, unpack(gone))) do
      sum = sum - (tonumber(taken) or 0) -- an absent field is false, not nil
    end
    redis.call('HDEL', key, unpack(gone))
    old = live
    redis.call('HSET', key, 'sum', sum, 'old', old)
  end
  b.sum, b.old, b.new = sum, old, new
  if b.slot == slot then b.taken[slot] = tonumber(held[4]) end
  if b.at >= live then b.taken[b.at] = tonumber(held[5]) end
  return b
end

local function budget_taken(b, slot)
  if not b.taken[slot] then b.taken[slot] = tonumber(redis.call('HGET', b.key, slot) or 0) end
  return b.taken[slot]
end

local function budget_take(b, amount, slot)
  if amount == 0 then return end
  slot = slot or b.slot
  local newest = b.new
  b.taken[slot] = (b.new and budget_taken(b, slot) or 0) + amount
  b.sum = b.sum + amount
  b.old = math.min(b.old or slot, slot)
  b.new = math.max(b.new or slot, slot)
  redis.call('HSET', b.key, slot, b.taken[slot], 'sum', b.sum, 'old', b.old, 'new', b.new)
  if b.new ~= newest then expire(b.key, forgotten_at(b.rule, b.width, b.new)) end
end

local function budget_give_back(b, amount, slot)
  if not b.new then return end
  local taken = budget_taken(b, slot)
  local back = math.min(taken, amount)
  if back <= 0 then return end
  b.sum, b.taken[slot] = b.sum - back, taken - back
  if b.sum == 0 then
    redis.call('DEL', b.key)
    return
  end
  if back == taken then
    redis.call('HDEL', b.key, slot)
    if slot == b.new then
      b.new = b.old
      for _, name in ipairs(redis.call('HKEYS', b.key)) do
        b.new = math.max(b.new, tonumber(name) or 0)
      end
    end
    redis.call('HSET', b.key, 'sum', b.sum, 'new', b.new)
  else
    redis.call('HSET', b.key, slot, b.taken[slot], 'sum', b.sum)
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

-- --- the steps

local steps = {}

-- ARGV: epoch, reservation, ms to remember it, then for each cell of KEYS[3..]: kind and five numbers.
-- KEYS[2] remembers the reservation, so that one sent again is not taken again and one that was given up
-- is not taken late. Gives status, now, and three numbers for each cell.
local GRANTED, REJECTED, AGAIN, OTHER_EPOCH, GIVEN_UP = 1, 0, 2, 3, 4

function steps.reserve()
  local held = redis.call('MGET', unpack(KEYS)) -- of keys that are no strings it gives none
  local epoch, before = held[1] or '', held[2]
  if epoch ~= ARGV[3] then return {OTHER_EPOCH, now, epoch} end
  if before == 'x' then return {GIVEN_UP, now} end
  local fits, cells = not before, {}
  for k = 3, #KEYS do
    local key, a = KEYS[k], 6 + (k - 3) * 6
    local cell = {key = key, kind = ARGV[a]}
    for n = 1, 5 do cell[n] = tonumber(ARGV[a + n]) end
    if cell.kind == 'r' then -- amount, one call's time (us, fraction), the time a burst may be ahead (same)
      cell.us, cell.fraction = rate_open(held[k], cell[1])
      local latest = now + cell[4]
      cell.fits = cell.us < latest or (cell.us == latest and cell.fraction <= cell[5])
    elseif cell.kind == 'b' then -- rule, width, amount, want
      cell.budget = budget_open(key, cell[1], cell[2])
      cell.fits = cell.budget.sum + cell[4] <= cell[3]
    else -- amount, how long
      cell.held = lease_count(key)
      cell.fits = cell.held < cell[1]
    end
    fits = fits and cell.fits
    cells[#cells + 1] = cell
  end
  local answer = {before and AGAIN or (fits and GRANTED or REJECTED), before and tonumber(before) or now}
  for _, cell in ipairs(cells) do
    local n = #answer
    if cell.kind == 'r' then
      if fits then
        cell.us, cell.fraction = cell.us + cell[2], cell.fraction + cell[3]
        if cell.fraction >= cell[1] then
          cell.us, cell.fraction = cell.us + 1, cell.fraction - cell[1]
        end
        rate_put(cell.key, cell.us, cell.fraction, cell[1])
      end
      answer[n + 1], answer[n + 2], answer[n + 3] = cell.us, cell.fraction, 0
    elseif cell.kind == 'b' then
      local b, room_at = cell.budget, 0
      if fits then
        budget_take(b, cell[4])
      elseif not cell.fits and not before then
        room_at = budget_room_at(b, cell[3], cell[4])
      end
      answer[n + 1], answer[n + 2], answer[n + 3] = b.sum, b.new or -1, room_at
    else
      if fits then
        lease_put(cell.key, ARGV[4], cell[2], false)
        cell.held = cell.held + 1
      end
      answer[n + 1], answer[n + 2], answer[n + 3] = cell.held, 0, 0
    end
  end
  if fits then redis.call('SET', KEYS[2], now, 'PX', ARGV[5]) end
  -- As one string of doubles: a client reads it at once, but each number of an array as a line of its own.
  return struct.pack('<' .. string.rep('d', #answer), unpack(answer))
end

-- When the present epoch began. What was taken before it was counted anew from records, perhaps as it was
-- spent in the end: nothing of it is given back a second time.
local function began()
  return tonumber(string.match(redis.call('GET', KEYS[1]) or '', '(%d+)$') or now)
end

-- ARGV: reservation, ms, then as for `reserve`. Undoes a reservation whose answer nobody heard; where it has
-- not come yet it never will. A rate keeps the call.
function steps.give_up()
  local before = redis.call('GET', KEYS[2])
  if before == 'x' then return REJECTED end
  redis.call('SET', KEYS[2], 'x', 'PX', ARGV[4])
  if not before then return REJECTED end
  local at = tonumber(before)
  for k = 3, #KEYS do
    local a = 5 + (k - 3) * 6
    if ARGV[a] == 'l' then
      redis.call('ZREM', KEYS[k], ARGV[3])
    elseif ARGV[a] == 'b' and at >= began() then
      local b = budget_open(KEYS[k], tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), at)
      budget_give_back(b, tonumber(ARGV[a + 4]), b.at)
    end
  end
  return GRANTED
end

-- ARGV: reservation, ms, when it was granted, then for each cell of KEYS[3..]: `l`, or `b`, rule, width and
-- what was spent less what was taken. KEYS[2] remembers it: a settlement sent again changes nothing.
function steps.settle()
  if not redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[4]) then return AGAIN end
  local at, a = tonumber(ARGV[5]), 6
  for k = 3, #KEYS do
    if ARGV[a] == 'l' then
      redis.call('ZREM', KEYS[k], ARGV[3])
      a = a + 1
    else
      local rule, width, more = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
      if more > 0 then
        budget_take(budget_open(KEYS[k], rule, width), more)
      elseif at >= began() then
        local b = budget_open(KEYS[k], rule, width, at)
        budget_give_back(b, -more, b.at)
      end
      a = a + 4
    end
  end
  return GRANTED
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
        budget_take(b, math.max(0, taken - budget_taken(b, slot)), slot)
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
