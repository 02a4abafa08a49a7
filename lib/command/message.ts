// What input and broadcast share: the flags of a message and how an answer is shown.

import type { Flags } from './data.js'

export const messageFlags = {
  file: { type: 'strings', value: 'path', does: 'a file to go with it' },
  raw: { type: 'boolean', does: 'as it is: inside a session do not say who sends it and how to reply' },
  background: { type: 'boolean', short: 'b', does: 'do not wait for the answer' },
  timeout: { type: 'time', value: 'time', does: 'wait no longer than this for the answer' },
  prompt: { type: 'string', value: 'text', does: 'the message, in place of the operand' },
  filePrompt: { type: 'string', value: 'path', does: 'the message from a file' },
} as const satisfies Flags

/** The first line of a text that says something; empty if none does. */
export function firstLine(text: string): string {
  return text.split('\n').find(line => line.trim() !== '') ?? ''
}
