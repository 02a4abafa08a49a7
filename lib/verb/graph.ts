// Sessions as a graph in the DOT language of Graphviz: who started whom, who waits for whom, and whose results went where.
//
// Every id and every text is a quoted string, so no name can end it and become a part of the graph.

import { shortId } from '../base/id.js'
import { settle } from '../run/settle.js'
import { errorOf } from '../session/row.js'
import type { State } from '../session/state.js'
import { descendantsOf } from '../session/tree.js'
import { readIfIntact } from '../table/sessions.js'

const COLOURS: Partial<Record<State, string>> = {
  completed: 'palegreen',
  failed: 'lightsalmon',
  dead: 'lightsalmon',
  cancelled: 'lightgrey',
  queued: 'white',
}

/** The sessions, and what descends from them if `down`, as a digraph; the same for the same sessions. Dead ones are ended on the way. */
export async function graphOf(ids: readonly string[], down: boolean): Promise<string> {
  const all = [...new Set([...ids, ...(down ? descendantsOf(ids).keys() : [])])].sort()
  const lines = ['digraph zag {', '  node [shape=box, style="rounded,filled", fillcolor=lightyellow];']
  for (const id of all) lines.push(await nodeOf(id))
  const shown = new Set(all)
  for (const id of all) lines.push(...edgesTo(id, shown))
  return `${[...lines, '}'].join('\n')}\n`
}

async function nodeOf(id: string): Promise<string> {
  const status = await settle(id)
  const name = readIfIntact(id)?.name
  const colour = COLOURS[status.state]
  const label = [shortId(id), ...(name === undefined ? [] : [name]), status.state].join('\n')
  const more = [...(colour === undefined ? [] : [`fillcolor=${colour}`]), `tooltip=${dotText(errorOf(status) ?? id)}`]
  return `  ${dotText(id)} [label=${dotText(label)}, ${more.join(', ')}];`
}

/** The edges that end in a session, from others that are shown. */
function edgesTo(id: string, shown: ReadonlySet<string>): string[] {
  const { parent, depends_on = [], context_of = [], context_from = [] } = readIfIntact(id) ?? {}
  const edge = (style: string) => (from: string) => `  ${dotText(from)} -> ${dotText(id)} [style=${style}];`
  const there = (from: readonly string[]) => [...new Set(from)].filter(other => shown.has(other)).sort()
  return [
    ...there(parent === undefined ? [] : [parent]).map(edge('solid')),
    ...there(depends_on).map(edge('dashed')),
    ...there([...context_of, ...context_from]).map(edge('dotted')),
  ]
}

/** A quoted string of DOT that shows the text as it is: a backslash would begin an escape, a line end ends a line of the label. */
function dotText(text: string): string {
  const shown = text
    .replace(/\\/g, '\\\\')
    .replace(/"/g, '\\"')
    .replace(/\r\n|\r|\n/g, '\\n')
    // Graphviz reads C strings; other control characters are nothing to look at.
    .replace(/[\p{Cc}\u2028\u2029]/gu, '\ufffd')
  // Names of characters such as &lt; are read in labels too.
  return `"${shown.replace(/&/g, '&amp;')}"`
}
