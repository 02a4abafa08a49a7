import t from 'tap'
import { costOf, NOTHING, plus, spentIn, spentUntil, total } from '../../../lib/native/price.js'

const usage = (inputTokens: number, read: number, write: number, noCacheTokens?: number) =>
  spentIn({
    inputTokens,
    outputTokens: 10,
    totalTokens: inputTokens + 10,
    inputTokenDetails: { noCacheTokens, cacheReadTokens: read, cacheWriteTokens: write },
    outputTokenDetails: { textTokens: 10, reasoningTokens: 0 },
  })

t.test('tokens are counted once', async t => {
  const told = { inputTokens: 70, outputTokens: 10, cachedReadTokens: 20, cachedWriteTokens: 10 }
  t.same(usage(100, 20, 10, 70), told)
  t.same(usage(100, 20, 10), told, 'where the fresh ones are not told')
  t.equal(total(told), 110)
  t.same(plus(told, told), { inputTokens: 140, outputTokens: 20, cachedReadTokens: 40, cachedWriteTokens: 20 })
})

t.test('what they cost', async t => {
  const spent = { inputTokens: 1e6, outputTokens: 2e6, cachedReadTokens: 1e6, cachedWriteTokens: 1e6 }
  t.equal(costOf(spent, {}), undefined, 'nobody knows')
  t.equal(costOf(spent, { input_price: 3, output_price: 15 }), 39, 'a cache costs as any input')
  t.equal(costOf(spent, { input_price: 3, output_price: 15, cache_read_price: 0.3, cache_write_price: 3.75 }), 37.05)
  t.equal(costOf(spent, { output_price: 1 }), 2)
})

t.test('what is told of an answer before its end, in either way of speaking', async t => {
  const begun = {
    type: 'message_start',
    message: { usage: { input_tokens: 7, cache_read_input_tokens: 5, cache_creation_input_tokens: 3, output_tokens: 1 } },
  }
  const first = { inputTokens: 7, outputTokens: 1, cachedReadTokens: 5, cachedWriteTokens: 3 }
  t.same(spentUntil(begun, NOTHING), first)
  t.same(spentUntil({ type: 'message_delta', usage: { output_tokens: 9 } }, first), { ...first, outputTokens: 9 })
  const running = { usage: { prompt_tokens: 10, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 6 } } }
  t.same(spentUntil(running, NOTHING), { inputTokens: 4, outputTokens: 4, cachedReadTokens: 6, cachedWriteTokens: 0 })
  for (const chunk of [{}, null, { usage: null }, { choices: [] }, 'text']) t.same(spentUntil(chunk, first), first)
})
