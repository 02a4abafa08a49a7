// What answers used, and what that costs by the prices of the configuration.

import type { LanguageModelUsage } from 'ai'
import type { NativeConfig } from '../config/config.js'

/** Tokens, as the Agent Client Protocol has them; `inputTokens` is without what came from a cache or went into it. */
export interface Spent {
  inputTokens: number
  outputTokens: number
  cachedReadTokens: number
  cachedWriteTokens: number
}

export const NOTHING: Spent = { inputTokens: 0, outputTokens: 0, cachedReadTokens: 0, cachedWriteTokens: 0 }

export function spentIn({ inputTokens = 0, outputTokens = 0, inputTokenDetails: details }: LanguageModelUsage): Spent {
  const { cacheReadTokens: cachedReadTokens = 0, cacheWriteTokens: cachedWriteTokens = 0 } = details
  const fresh = details.noCacheTokens ?? inputTokens - cachedReadTokens - cachedWriteTokens
  return { inputTokens: Math.max(0, fresh), outputTokens, cachedReadTokens, cachedWriteTokens }
}

export function plus(a: Spent, b: Spent): Spent {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cachedReadTokens: a.cachedReadTokens + b.cachedReadTokens,
    cachedWriteTokens: a.cachedWriteTokens + b.cachedWriteTokens,
  }
}

/** All tokens that the model had before it and gave. */
export function total({ inputTokens, outputTokens, cachedReadTokens, cachedWriteTokens }: Spent): number {
  return inputTokens + outputTokens + cachedReadTokens + cachedWriteTokens
}

/** US dollars; nothing where no price is configured. What has no price of its own in a cache costs as any input. */
export function costOf(spent: Spent, prices: NativeConfig): number | undefined {
  const { input_price: input, output_price: output } = prices
  if (input === undefined && output === undefined) return undefined
  const { cache_read_price: read = input, cache_write_price: write = input } = prices
  const millionths =
    spent.inputTokens * (input ?? 0) +
    spent.outputTokens * (output ?? 0) +
    spent.cachedReadTokens * (read ?? 0) +
    spent.cachedWriteTokens * (write ?? 0)
  return millionths / 1e6
}
