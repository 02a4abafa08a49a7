// What answers used, and what that costs by the prices of the configuration.

import type { LanguageModelUsage } from 'ai'
import type { NativeConfig } from '../config/config.js'
import { fieldsOf } from '../provider/fields.js'

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

/** What a chunk of an answer tells, as its endpoint has it, of what was used until then: of an answer that is cut off there is no more. */
export function spentUntil(chunk: unknown, before: Spent): Spent {
  const { usage, message } = fieldsOf(chunk)
  const { prompt_tokens, completion_tokens, prompt_tokens_details: details, ...told } = fieldsOf(usage ?? fieldsOf(message).usage)
  const of = (value: unknown, otherwise: number) => (typeof value === 'number' ? value : otherwise)
  if (typeof prompt_tokens === 'number') {
    const cachedReadTokens = of(fieldsOf(details).cached_tokens, 0)
    const inputTokens = Math.max(0, prompt_tokens - cachedReadTokens)
    return { inputTokens, outputTokens: of(completion_tokens, before.outputTokens), cachedReadTokens, cachedWriteTokens: 0 }
  }
  return {
    inputTokens: of(told.input_tokens, before.inputTokens),
    outputTokens: of(told.output_tokens, before.outputTokens),
    cachedReadTokens: of(told.cache_read_input_tokens, before.cachedReadTokens),
    cachedWriteTokens: of(told.cache_creation_input_tokens, before.cachedWriteTokens),
  }
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
