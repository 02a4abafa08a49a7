// Words that a shell completes: what sessions, tags and other things are called just now.
//
// It is asked at each press of a key, so it reads the folders' names, and of sessions no more than some hundred. It never makes a
// home, and where there is none there are no words. A word that begins with a dash is left out: where a flag can stand it would
// be taken for one.

import { shortId } from '../base/id.js'
import { projectRoot } from '../base/paths.js'
import { loadConfig } from '../config/config.js'
import { EVENT_TYPES } from '../log/events.js'
import { providers } from '../provider/list.js'
import { STATES, statusOf } from '../session/state.js'
import { checkHome } from '../store/home.js'
import { keys } from '../table/filing.js'
import { exists, ids, read } from '../table/sessions.js'

/** A word, and what is said of it beside it. */
export interface Word {
  word: string
  about?: string
}

/** How many words are offered at most: a longer beginning tells the rest apart. */
const MOST = 200

/** The sessions that operands can name: short ids, the newest first, then names. */
export function sessionWords(begin: string): Word[] {
  if (!checkHome()) return []
  const newest = ids()
    .reverse()
    .filter(id => shortId(id).startsWith(begin))
    .slice(0, MOST)
  return [...newest.flatMap(id => wordOf(id) ?? []), ...filedWords('name', begin)]
}

/** A damaged session cannot say what it is called; zag doctor tells of it. */
function wordOf(id: string): Word | undefined {
  if (!exists(id)) return undefined
  try {
    const { name, tags, provider } = read(id) ?? { tags: [] }
    return { word: shortId(id), about: [name ?? tags[0], statusOf(id).state, provider].filter(part => part !== undefined).join(', ') }
  } catch {
    return { word: shortId(id) }
  }
}

/** Names, tags or groups that sessions have. */
export function filedWords(kind: 'name' | 'tag' | 'group', begin: string): Word[] {
  return checkHome() ? fitting(keys(kind), begin).map(word => ({ word })) : []
}

/** States, of which several can stand with commas between them. */
export function stateWords(begin: string): Word[] {
  return listed(STATES, begin)
}

/** Kinds of events, in the same way. */
export function eventWords(begin: string): Word[] {
  return listed(EVENT_TYPES, begin)
}

/** The providers that there are here, with what they are. Throws usage for a broken configuration. */
export async function providerWords(begin: string): Promise<Word[]> {
  const all = await providers(await loadConfig(projectRoot('.')))
  const known = new Map(all.map(({ name, does }) => [name, does]))
  return fitting([...known.keys()], begin).map(word => ({ word, about: known.get(word) }))
}

function listed(all: readonly string[], begin: string): Word[] {
  const before = begin.slice(0, begin.lastIndexOf(',') + 1)
  const given = before.split(',')
  return fitting(
    all.filter(word => !given.includes(word)),
    begin.slice(before.length),
  ).map(word => ({ word: before + word }))
}

function fitting(words: readonly string[], begin: string): string[] {
  return words.filter(word => word.startsWith(begin) && !word.startsWith('-')).slice(0, MOST)
}
