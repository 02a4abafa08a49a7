// The code fence that a model likes to put around what it was asked for alone.

/** The text without the one fence around all of it; a text without one as it is. */
export function unfenced(text: string): string {
  const trimmed = text.trim()
  const open = /^```[\w-]*[ \t]*\r?\n/.exec(trimmed)?.[0]
  const close = trimmed.lastIndexOf('\n')
  if (open === undefined || trimmed.slice(close + 1).trim() !== '```') return text
  return trimmed.slice(open.length, Math.max(open.length, close))
}
