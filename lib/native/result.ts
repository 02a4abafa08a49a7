// How the result of a call goes into the conversation, and what a model can look at with it: inside of the result where the API has a
// place for that, else as a message that follows.

import type { ModelMessage } from 'ai'
import type { Call } from './answer.js'
import { cutOff } from './history.js'
import type { Media, Outcome } from './toolbox.js'

type ResultPart = Exclude<Extract<ModelMessage, { role: 'tool' }>['content'][number], { type: 'tool-approval-response' }>

/** The bytes of a picture are not what it costs. */
export function withoutData(key: string, value: unknown): unknown {
  return key === 'data' ? '' : value
}

export function resultOf({ id, name }: Call, outcome: Outcome | undefined, inside: boolean): ResultPart {
  if (!outcome) return cutOff(id, name)
  const { text, failed = false, media } = outcome
  const about = { type: 'tool-result', toolCallId: id, toolName: name } as const
  if (media && inside) {
    const { mediaType, base64: data } = media
    const part = mediaType.startsWith('image/')
      ? ({ type: 'image-data', data, mediaType } as const)
      : ({ type: 'file-data', data, mediaType } as const)
    return { ...about, output: { type: 'content', value: [{ type: 'text', text }, part] } }
  }
  return { ...about, output: failed ? { type: 'error-text', value: text } : { type: 'text', value: media ? `${text}; it follows` : text } }
}

export function follows({ mediaType, base64, path }: Media) {
  return [{ type: 'text', text: `${path}:` } as const, { type: 'file', data: base64, mediaType } as const]
}

/** Puts a word in the place of each picture and document of a conversation; true if there was one. */
export function dropMedia(messages: readonly ModelMessage[]): boolean {
  let found = false
  const drop = () => {
    found = true
    return { type: 'text' as const, text: '(left out: the endpoint did not take it)' }
  }
  for (const message of messages) {
    if (message.role === 'user' && Array.isArray(message.content))
      message.content = message.content.map(part => (part.type === 'text' ? part : drop()))
    if (message.role !== 'tool') continue
    for (const part of message.content)
      if (part.type === 'tool-result' && part.output.type === 'content')
        part.output.value = part.output.value.map(each => (each.type === 'text' ? each : drop()))
  }
  return found
}
