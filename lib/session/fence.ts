// Blocks that hold text of users and agents in a prompt: no text can forge the tags of a block, neither those of its own nor
// those of another kind. A tag within the text that could pass for one gets a backslash, and the block is marked escaped="true".

type Tag = 'session-result' | 'session-message' | 'conversation-message' | 'attached-file'

const NAMES = 'session-result|session-message|conversation-message|attached-file'

/** A block: its tag, attributes in their order, and the text between. Attributes without a value are left out. */
export function block(tag: Tag, attributes: readonly (readonly [string, string | undefined])[], text: string): string {
  const all = [...attributes, ['escaped', new RegExp(TAG.source, 'i').test(text) ? 'true' : undefined] as const]
  const head = all.flatMap(([key, value]) => (value === undefined ? [] : [` ${key}="${attribute(value)}"`])).join('')
  return `<${tag}${head}>\n${escapeTags(text)}${text.endsWith('\n') ? '' : '\n'}</${tag}>`
}

/** What an agent is told about the backslashes. */
export const ABOUT_ESCAPES =
  'In a block marked escaped="true" each backslash between "<" and the name of such a tag, or "/" and its name, was added to keep the block whole.'

const TAG = new RegExp(`<(\\\\*)(?=/?(?:${NAMES}))`, 'gi')

/** The text with a backslash in every tag that could pass for the wrapper's own. */
export function escapeTags(text: string): string {
  return text.replace(TAG, '<\\$1')
}

/** The text as it was before escapeTags. */
export function unescapeTags(text: string): string {
  return text.replace(new RegExp(`<\\\\(\\\\*)(?=/?(?:${NAMES}))`, 'gi'), '<$1')
}

function attribute(value: string): string {
  return value.replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}
