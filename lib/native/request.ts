// How the AI SDK reaches an endpoint. The fetch of Node gives up on a server that is silent for five minutes, which a model on a small
// machine may be before its first word; here it is waited as long as it takes. That nothing comes any more is for zag to say (--stall).

import type { IncomingMessage, RequestOptions } from 'node:http'
import { Readable } from 'node:stream'

/** As fetch, for a body that is text. An answer that sends elsewhere is an answer: a key goes where it was meant to go and nowhere else. */
export async function request(to: string | URL | Request, { method = 'GET', headers, body, signal }: RequestInit = {}): Promise<Response> {
  const url = new URL(to instanceof Request ? to.url : to)
  const { request: ask } = url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  const text = typeof body === 'string' ? Buffer.from(body) : undefined
  const options: RequestOptions = {
    method,
    headers: { ...Object.fromEntries(new Headers(headers)), ...(text ? { 'content-length': String(text.length) } : {}) },
    agent: false,
    signal: signal ?? undefined,
  }
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = ask(url, options, resolve)
    asked.on('error', reject)
    // One that went away without a word is noticed so.
    asked.on('socket', socket => socket.setKeepAlive(true, 30_000))
    asked.end(text)
  })
  return new Response(bodyOf(answer), { status: answer.statusCode ?? 502, headers: headersOf(answer) })
}

/** Some answers may have no body, by the rules of Response. */
function bodyOf(answer: IncomingMessage): ReadableStream<Uint8Array> | null {
  if ([204, 205, 304].includes(answer.statusCode ?? 0)) return null
  return Readable.toWeb(answer) as ReadableStream<Uint8Array>
}

function headersOf({ headers }: IncomingMessage): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as [string, string]]))
}
