// A server on loopback that speaks as the models of the vendors do and answers by a script; script.ts says which words it knows.
//
// What was asked is kept, so that a test can see what reached a model and that nothing else was looked for.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fieldsOf, type Line } from '../../../lib/provider/fields.js'
import { completions } from './completions.js'
import { gemini } from './gemini.js'
import { messages } from './messages.js'
import { ollama } from './ollama.js'
import { responses } from './responses.js'
import { answer, type Limits } from './script.js'
import type { Api, Said, Talk } from './talk.js'

const APIS: readonly Api[] = [messages, responses, completions, gemini, ollama]

/** What is asked for besides answers. */
const SIDE: Readonly<Record<string, unknown>> = {
  'GET /api/version': { version: '0.12.0' },
  'GET /api/tags': { models: [{ name: 'm1:latest', model: 'm1:latest', size: 1, details: { family: 'm' } }] },
  'GET /v1/models': { object: 'list', data: [{ id: 'm1', object: 'model', created: 1, owned_by: 'nobody' }] },
  'POST /v1/messages/count_tokens': { input_tokens: 1000 },
}

export interface Request {
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: Line
  /** What it is as a question to a model. */
  talk?: Talk
  /** An agent asks by itself, for a title say: it offers its tools whenever it is about what the user said. */
  aside: boolean
  /** The status it was answered with; 0 if the server itself failed. */
  status: number
}

export interface ModelServer {
  url: string
  requests: Request[]
  close(): Promise<void>
}

/** Starts one; `delay` is how long it thinks before each answer, in milliseconds. */
export async function serveModels({ delay = 0, port = 0 } = {}): Promise<ModelServer> {
  const requests: Request[] = []
  const limits: Limits = new Map()
  const server = createServer(async (incoming, response) => {
    try {
      const request = await read(incoming)
      requests.push(request)
      if (request.talk) await new Promise(done => setTimeout(done, delay))
      request.status = reply(request, limits, response)
    } catch (error) {
      // A client that went away while it asked, or a bug here: the agent tells the test what it was given.
      if (!response.headersSent) send(response, 500, { error: { message: `the model server failed: ${error}` } })
    }
  })
  await new Promise<void>(done => server.listen(port, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
}

async function read(incoming: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const { method = '', headers } = incoming
  const path = new URL(incoming.url ?? '/', 'http://localhost').pathname
  const text = Buffer.concat(chunks).toString()
  const body = method === 'POST' && text.startsWith('{') ? fieldsOf(JSON.parse(text)) : {}
  const api = method === 'POST' ? apiOf(path) : undefined
  const talk = api?.read(body, path)
  return { method, path, headers, body, talk, aside: talk?.tools.length === 0 && api !== ollama, status: 0 }
}

const apiOf = (path: string) => APIS.find(api => api.path.test(path))

function reply({ method, path, talk, aside }: Request, limits: Limits, response: ServerResponse): number {
  const api = apiOf(path)
  if (!api || !talk) {
    const side = SIDE[`${method} ${path}`]
    return send(response, side ? 200 : 404, side ?? { error: { message: `nothing at ${path}` } })
  }
  const given = answer(talk, limits, aside)
  if ('failure' in given) {
    const { headers, body } = api.fail(given.failure)
    return send(response, given.failure.status, body, headers)
  }
  if (!talk.stream) return given.hang || given.half ? 200 : send(response, 200, api.whole(given.said, talk))
  response.writeHead(200, { 'content-type': api.type })
  const frames = api.stream(given.said, talk)
  const shown = given.hang || given.half ? frames.slice(0, begun(frames, given.said)) : frames
  for (const frame of shown) response.write(frame)
  if (!given.hang) response.end()
  return 200
}

/** How many frames it takes until the first words are out. */
function begun(frames: string[], { pieces: [first = ''] }: Said): number {
  return 1 + frames.findIndex(frame => frame.includes(JSON.stringify(first).slice(1, -1)))
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): number {
  response.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(body))
  return status
}
