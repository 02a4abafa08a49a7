// Text as mdoc(7) source: nothing in it is a macro, an escape or a font change unless this file made it one.

/** Source lines are kept below this; mandoc's lint wants 80. */
const WIDTH = 78

/** Prose as text lines: a sentence begins a line, and what looks like a flag or a program keeps its hyphens when copied. */
export function prose(text: string): string[] {
  const sentences = text.trim().split(/(?<=[^.][.!?])\s+(?=[A-Z'"(])/)
  return sentences.flatMap(sentence => wrap(sentence.split(/\s+/).map(proseWord)))
}

/** A line that a user copies, as one text line of a literal display. */
function literal(text: string): string {
  return atLineStart(text.replace(/[\\\-'`^~]/g, c => LITERAL[c] as string))
}

/** Lines that a user copies, as they are. */
export function display(text: string): string[] {
  return ['.Bd -literal -offset indent', ...text.split('\n').map(literal), '.Ed']
}

/** A word as an argument of a macro line, where it is neither a macro nor a delimiter. */
export function argument(word: string): string {
  const escaped = word.replace(/[\\\-'`^~"]/g, c => (c === '"' ? '\\(dq' : (LITERAL[c] as string))).replace(/ /g, '\\ ')
  return /^([%A-Z][A-Za-z0-9]{1,2}|[.,:;()[\]?!|])$/.test(word) ? `\\&${escaped}` : escaped
}

/** A sentence of a fragment: `give up` becomes `Give up.`; a first word that is no plain word stays as it is. */
export function sentence(fragment: string): string {
  const whole = /[.!?]$/.test(fragment) ? fragment : `${fragment}.`
  return /^[a-z]+[ ,.;:]/.test(whole) ? whole.charAt(0).toUpperCase() + whole.slice(1) : whole
}

// The characters that formatters print as another one: quotes, accents, hyphens.
const LITERAL: Record<string, string> = { '\\': '\\e', '-': '\\-', "'": '\\(aq', '`': '\\(ga', '^': '\\(ha', '~': '\\(ti' }

function proseWord(word: string): string {
  const code = /(^|[('"[{<=/])--?[A-Za-z]|zag-|[/_$=]|^['"(]?--?['")]?[.,;:]?$/.test(word)
  const escaped = word.replace(/\\/g, '\\e')
  return code ? escaped.replace(/-/g, '\\-').replace(/~/g, '\\(ti') : escaped
}

function wrap(words: string[]): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of words) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(atLineStart(line))
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, atLineStart(line)]
}

function atLineStart(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line
}
