// What a whole log comes to.

import { readEvents } from './read.js'

export interface Usage {
  input_tokens: number
  output_tokens: number
  cache_read_tokens: number
  cache_write_tokens: number
}

/** Tokens and cost of all runs, in US dollars; nothing if no agent told any. */
export function usageOf(id: string): { usage?: Usage; cost_usd?: number } {
  const usage: Usage = {
    input_tokens: 0,
    output_tokens: 0,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
  }
  let told = false
  let cost: number | undefined
  readEvents(
    id,
    event => {
      if (event.type !== 'usage') return true
      told = true
      for (const key of Object.keys(usage) as (keyof Usage)[]) usage[key] += event[key] ?? 0
      if (event.cost_usd !== undefined) cost = (cost ?? 0) + event.cost_usd
      return true
    },
    { types: ['usage'] },
  )
  return told ? { usage, cost_usd: cost } : {}
}
