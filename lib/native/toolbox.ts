// The tools of zag's own agent: what the model is told of each, and what a call of one becomes.
//
// A call is prepared before anybody is asked about it: what is wrong with it is told to the model at once, and what is asked about is
// what will be done.

import type { JSONSchema7 } from 'ai'
import { bash } from './bash.js'
import { child } from './child.js'
import { patch } from './patch.js'
import { read } from './read.js'

/** What a tool works in. */
export interface Workshop {
  session: string
  name?: string
  group: string
  root: string
  cwd: string
  /** All that files may be in: the project, and other folders that were named. */
  folders: string[]
  /** Where the whole of long outputs is. */
  outputs: string
  /** The environment of what it runs: without the key. */
  env: NodeJS.ProcessEnv
  /** Where the models are, for children of the same kind. */
  baseUrl?: string
}

/** A picture or a document, for models that can look at it. */
export interface Media {
  mediaType: string
  base64: string
  path: string
}

/** What a call came to. */
export interface Outcome {
  /** What the model is told. */
  text: string
  failed?: boolean
  media?: Media
}

/** A call that can be made. */
export interface Prepared {
  /** What it does, for people, in one line. */
  title: string
  /** The files it is about. */
  locations?: { path: string; line?: number }[]
  /** What it is asked about as, if not as a call of this tool with its input. */
  as?: { kind: Tool['kind']; input: Record<string, unknown> }
  /** Throws an Error that the model is told. */
  run(signal: AbortSignal): Promise<Outcome>
}

export interface Tool {
  name: string
  /** The kind of its calls in the Agent Client Protocol. */
  kind: 'execute' | 'read' | 'edit' | 'think'
  does: string
  input: JSONSchema7 & { properties: Record<string, JSONSchema7>; required: string[] }
  /** Throws an Error that the model is told. */
  prepare(input: Record<string, unknown>, workshop: Workshop): Prepared
}

export const TOOLS: ReadonlyMap<string, Tool> = new Map([bash, read, patch, child].map(tool => [tool.name, tool]))

/** The tool and its input, if both are as they should be. Throws an Error that the model is told. */
export function prepared(name: string, input: unknown, workshop: Workshop): Prepared {
  const tool = TOOLS.get(name)
  if (!tool) throw new Error(`there is no tool '${name}': you have ${[...TOOLS.keys()].join(', ')}`)
  return tool.prepare(checked(tool, input), workshop)
}

function checked({ name, input: { properties, required } }: Tool, input: unknown): Record<string, unknown> {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new Error(`the input of ${name} is no object of JSON: ${shape(input)}`)
  const fields = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined))
  for (const key of required) if (fields[key] === undefined) throw new Error(`${name} needs '${key}'`)
  for (const [key, value] of Object.entries(fields)) {
    const wanted = properties[key]?.type
    if (wanted === undefined) throw new Error(`${name} has no '${key}': it takes ${Object.keys(properties).join(', ')}`)
    const fits = wanted === 'integer' ? Number.isSafeInteger(value) : typeof value === wanted
    if (!fits) throw new Error(`'${key}' of ${name} must be of type ${wanted}, and is ${shape(value)}`)
    const least = properties[key]?.minimum ?? Number.NEGATIVE_INFINITY
    if (typeof value === 'number' && value < least) throw new Error(`'${key}' of ${name} must be ${least} or more`)
  }
  return fields
}

function shape(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
