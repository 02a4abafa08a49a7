// Google's Gemini API: POST /v1beta/models/<model>:generateContent, or :streamGenerateContent?alt=sse.

import { fieldsOf, type Line, listOf } from '../../../lib/provider/fields.js'
import { type Api, event, INPUT, newName, type Said, seconds, type Talk, type Turn, textIn, tool, turnOf, USED } from './talk.js'

const USAGE = {
  promptTokenCount: INPUT,
  cachedContentTokenCount: USED.cached,
  candidatesTokenCount: USED.output,
  totalTokenCount: INPUT + USED.output,
}

const ERRORS: Record<number, string> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
}

export const gemini: Api = {
  path: /^\/v1(beta)?\/models\/[^/]+:(streamGenerateContent|generateContent)$/,
  type: 'text/event-stream',

  read: (body, path) => ({
    model: /models\/([^:]+):/.exec(path)?.[1] ?? '',
    stream: path.endsWith(':streamGenerateContent'),
    turns: listOf(body.contents).flatMap(turnsIn),
    tools: listOf(body.tools)
      .flatMap(({ functionDeclarations }) => listOf(functionDeclarations))
      .map(({ name, parametersJsonSchema, parameters }) => tool(name, parametersJsonSchema ?? parameters)),
  }),

  stream(said, talk) {
    const parts: Line[] = [...said.pieces.map(text => ({ text })), ...calls(said)]
    return parts.map(part => event(part === parts.at(-1) ? last([part], talk) : { ...head(talk), candidates: [content([part])] }))
  },

  whole: (said, talk) => last([{ text: said.pieces.join('') }, ...calls(said)], talk),

  fail({ status, message, retryAfter, resetsAt }) {
    const wait = resetsAt === undefined ? retryAfter : Math.max(1, resetsAt - seconds())
    const details: Line[] = wait === undefined ? [] : [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${wait}s` }]
    // A quota of a day: the agent gives up instead of trying on.
    if (resetsAt !== undefined) {
      const violations = [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' }]
      details.unshift({ '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations })
    }
    return { body: { error: { code: status, message, status: ERRORS[status] ?? 'INTERNAL', details } } }
  },
}

function turnsIn({ role, parts }: Line): Turn[] {
  const results = listOf(parts).flatMap(({ functionResponse }) => (functionResponse === undefined ? [] : [fieldsOf(functionResponse)]))
  if (results.length === 0) return turnOf(role, textIn(parts))
  return results.map(({ response }) => {
    const { output, error } = fieldsOf(response)
    return { from: 'tool', text: String(output ?? error ?? JSON.stringify(response)) }
  })
}

function calls({ call }: Said): Line[] {
  return call ? [{ functionCall: { id: newName('call'), name: call.name, args: call.input } }] : []
}

const content = (parts: Line[]) => ({ index: 0, content: { role: 'model', parts } })
const head = ({ model }: Talk) => ({ modelVersion: model, responseId: newName('response') })
const last = (parts: Line[], talk: Talk) => ({
  ...head(talk),
  candidates: [{ ...content(parts), finishReason: 'STOP' }],
  usageMetadata: USAGE,
})
