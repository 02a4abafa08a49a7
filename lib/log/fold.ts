// Tokens and cost of a whole log.

import type { EventFields } from './events.js'
import { readEvents } from './read.js'

export interface Usage {
  input_tokens: number
  output_tokens: number
  cache_read_tokens: number
  cache_write_tokens: number
}

/** A sum of tokens and cost; nothing as long as nobody told any. */
export class UsageSum {
  #usage: Usage | undefined
  #cost: number | undefined

  add(event: EventFields['usage']): void {
    this.#usage ??= { input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0 }
    for (const key of Object.keys(this.#usage) as (keyof Usage)[]) this.#usage[key] += amountOf(event[key])
    if (event.cost_usd !== undefined) this.#cost = (this.#cost ?? 0) + amountOf(event.cost_usd)
  }

  sum(): { usage?: Usage; cost_usd?: number } {
    return this.#usage ? { usage: this.#usage, cost_usd: this.#cost } : {}
  }
}

/** Tokens and cost of all runs, in US dollars; nothing if no agent told any. */
export function usageOf(id: string): { usage?: Usage; cost_usd?: number } {
  const sum = new UsageSum()
  readEvents(
    id,
    event => {
      if (event.type === 'usage') sum.add(event)
      return true
    },
    { types: ['usage'] },
  )
  return sum.sum()
}

/** The amount that an event tells; what is no number, which a program may have printed, adds nothing. */
export function amountOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
