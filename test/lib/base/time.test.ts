// Durations and moments, as users write them and as people read them.

import t from 'tap'
import { at, formatDuration, parseDuration, parseMoment, timestamp } from '../../../lib/base/time.js'

t.test('durations', async t => {
  const are: Record<string, number> = {
    0: 0,
    90: 90_000,
    '1.5': 1500,
    '250ms': 250,
    '30s': 30_000,
    '5m': 300_000,
    '1h30m': 5_400_000,
    '7d': 604_800_000,
    ' 2h ': 7_200_000,
    '0.5h': 1_800_000,
  }
  for (const [text, ms] of Object.entries(are)) t.equal(parseDuration(text), ms, text)
  for (const text of ['', 's', '-1', '5 m', '1h-', '1e3', '5y', '١', 'Infinity', '99999999d', '1.s', '30S'])
    t.throws(() => parseDuration(text), { exit: 2, message: /is no duration: write 90, 30s/ }, text)
})

t.test('durations for people', async t => {
  const are: [number, string][] = [
    [0, '0.0s'],
    [440, '0.4s'],
    [9_999, '10.0s'],
    [12_345, '12s'],
    [59_600, '1m00s'],
    [303_000, '5m03s'],
    [5_400_000, '1h30m'],
    [187_200_000, '2d4h'],
  ]
  for (const [ms, text] of are) t.equal(formatDuration(ms), text)
})

t.test('moments', async t => {
  const now = Date.parse('2026-11-21T10:00:00Z')
  t.equal(parseMoment('2026-11-21T09:30:00Z', now), now - 1_800_000)
  t.equal(parseMoment('2026-11-21T10:30:00.5+01:00', now), now - 1_799_500)
  t.equal(parseMoment('2026-11-21', now), now - 36_000_000)
  t.equal(parseMoment('30m', now), now - 1_800_000)
  for (const text of ['', '30', 'noon', '2026-13-01', '21.11.2026', '99999999999d'])
    t.throws(() => parseMoment(text, now), { exit: 2, message: /is no date/ }, text)
  t.throws(() => parseMoment('2026-02-30', now), { exit: 2, message: /is no date/ })
  t.equal(timestamp(now), '2026-11-21T10:00:00.000Z')
})

t.test('a moment too far for one timer', async t => {
  let called = 0
  const stop = at(Date.now() + 60 * 86_400_000, () => (called += 1))
  await new Promise(done => at(Date.now(), () => done(undefined)))
  t.equal(called, 0)
  stop()
})
