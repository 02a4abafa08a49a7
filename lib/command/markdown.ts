// Markdown drawn for a terminal. marked takes the text apart; it is drawn here, so that every piece of an agent's text goes
// through clean() and the only escape sequences are our own colours, which a pipe does not get.

import type { Token, Tokens } from 'marked'
import { clean } from './event.js'
import type { Paint } from './terminal.js'

/** A longer text is no message to be read in a terminal, and could keep the parser busy for seconds: it is printed as it is. In characters. */
const LONGEST = 32 * 1024
/** Lists and quotations within each other are drawn up to here. */
const DEEPEST = 20

type Draw = (text: string) => string

/** A function that draws a text for this width. Loads the parser. */
export async function markdown(columns: number, paint: Paint): Promise<Draw> {
  const { lexer } = await import('marked')
  return text => {
    if (text.length > LONGEST) return clean(text)
    try {
      return new Page(paint).blocks(lexer(clean(text)), columns).trimEnd()
    } catch (error) {
      // Thousands of brackets within each other: the parser recurses.
      if (error instanceof RangeError) return clean(text)
      throw error
    }
  }
}

class Page {
  readonly #paint: Paint
  #depth = 0

  constructor(paint: Paint) {
    this.#paint = paint
  }

  /** Blocks with an empty line between them, or none in a tight list. */
  blocks(tokens: readonly Token[], width: number, between = '\n\n'): string {
    this.#depth += 1
    if (this.#depth > DEEPEST) throw new RangeError('nested too deeply')
    const drawn = tokens.map(token => this.#block(token as Tokens.Generic, width)).filter(text => text !== '')
    this.#depth -= 1
    return drawn.join(between)
  }

  #block(token: Tokens.Generic, width: number): string {
    const { bold, cyan, dim } = this.#paint
    switch (token.type) {
      case 'heading':
        return bold(`${'#'.repeat(token.depth)} ${this.#inline(token.tokens)}`)
      case 'paragraph':
      case 'text':
        return wrap(token.tokens ? this.#inline(token.tokens) : leaf(token.text), width)
      case 'code':
        return eachLine(clean(token.text), line => (line === '' ? '' : `    ${cyan(line)}`))
      case 'blockquote':
        return eachLine(this.blocks(token.tokens ?? [], width - 2), line => `${dim('|')} ${line}`)
      case 'list':
        return this.#list(token as Tokens.List, width)
      case 'hr':
        return dim('-'.repeat(Math.min(width, 40)))
      case 'table':
        return this.#table(token as Tokens.Table)
      case 'space':
      case 'def':
      case 'checkbox':
        return ''
      default:
        return clean(token.raw).trimEnd()
    }
  }

  #list({ items, ordered, start, loose }: Tokens.List, width: number): string {
    const drawn = items.map((item, at) => {
      const mark = ordered ? `${Number(start || 1) + at}. ` : '- '
      const task = item.task ? `[${item.checked ? 'x' : ' '}] ` : ''
      const text = this.blocks(item.tokens, width - mark.length, loose ? '\n\n' : '\n')
      return `${mark}${task}${text.replace(/\n(?=.)/g, `\n${' '.repeat(mark.length)}`)}`
    })
    return drawn.join(loose ? '\n\n' : '\n')
  }

  /** Columns that line up; they are not broken, as on a narrow terminal nothing of a table helps. */
  #table({ header, rows, align }: Tokens.Table): string {
    const cells = [header, ...rows].map(row => row.map(cell => this.#inline(cell.tokens).replaceAll('\n', ' ')))
    const widths = header.map((_, column) => Math.max(...cells.map(row => seen(row[column] ?? ''))))
    const lines = cells.map(row =>
      row.map((cell, column) => {
        const gap = ' '.repeat(Math.max(0, (widths[column] ?? 0) - seen(cell)))
        return align[column] === 'right' ? gap + cell : cell + gap
      }),
    )
    const [head = [], ...body] = lines.map(row => row.join('  ').trimEnd())
    return [this.#paint.bold(String(head)), this.#paint.dim(widths.map(each => '-'.repeat(each)).join('  ')), ...body].join('\n')
  }

  #inline(tokens: readonly Token[] = []): string {
    return tokens.map(token => this.#piece(token as Tokens.Generic)).join('')
  }

  #piece(token: Tokens.Generic): string {
    const { bold, italic, cyan, underline } = this.#paint
    const within = () => (token.tokens ? this.#inline(token.tokens) : leaf(token.text))
    switch (token.type) {
      case 'strong':
        return bold(within())
      case 'em':
        return italic(within())
      case 'codespan':
        return cyan(clean(token.text))
      case 'link':
        return linked(underline(within()), token.text, token.href)
      case 'image':
        return linked(leaf(token.text), '', token.href)
      case 'del':
        return `~~${within()}~~`
      case 'br':
        return '\n'
      case 'text':
      case 'escape':
        return within()
      case 'checkbox':
        return ''
      default:
        return clean(token.raw)
    }
  }
}

/** A link with where it goes, if that is not what it says. */
function linked(shown: string, text: string, href: string): string {
  const target = clean(href).replaceAll('\n', '')
  return target === text || target === `mailto:${text}` ? shown : `${shown} (${target})`
}

const ENTITIES: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" }

function leaf(text: string): string {
  return clean(text).replace(/&(?:amp|lt|gt|quot|#39);/g, entity => ENTITIES[entity] ?? entity)
}

/** Lines broken at blanks. What is longer than a line is not broken. */
function wrap(text: string, width: number): string {
  return eachLine(text, line => {
    const lines: string[] = []
    let begun = ''
    for (const word of line.split(' ')) {
      if (begun !== '' && seen(begun) + 1 + seen(word) > width) {
        lines.push(begun)
        begun = word
      } else begun += begun === '' ? word : ` ${word}`
    }
    return [...lines, begun].join('\n')
  })
}

function eachLine(text: string, draw: Draw): string {
  return text.split('\n').map(draw).join('\n')
}

/** How wide a text is on a terminal, near enough: our colours have no width. */
function seen(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: our own colours
  return [...text.replace(/\u001b\[\d+m/g, '')].length
}
