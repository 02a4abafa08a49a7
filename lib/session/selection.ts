// A choice of sessions that goes on: those named by id stand from the start, those named by tag, parent or all of them
// are chosen anew as sessions come. zag-session(7) says how they are named; pick.ts is what names them.
//
// --state is true of a moment, so with it the choice is made once. Looking again is cheap however many sessions there are:
// folders are listed only when they changed.

import { checkName } from '../base/name.js'
import { paths, projectRoot } from '../base/paths.js'
import { changeOf } from '../store/file.js'
import { checkHome } from '../store/home.js'
import { indexed } from '../table/filing.js'
import { exists, ids, readIfIntact } from '../table/sessions.js'
import { type Lines, one, type Pick, pick, withTags } from './pick.js'

/** The part of a choice that sessions can still come into. */
interface Open {
  tags: string[]
  parent?: string
  all: boolean
  root?: string
}

/** The sessions that flags and operands mean, now and later. Throws as pick does, but a tag that nothing has yet is no fault. */
export async function select(which: Pick, stdin: Lines, { otherwise }: { otherwise?: 'all' } = {}): Promise<Selection> {
  const { operands = [], tag = [], name, parent, latest, all, state, root } = which
  const named = operands.length > 0 || name !== undefined || latest === true
  const open = tag.length > 0 || parent !== undefined || all === true
  if (state !== undefined || (!open && (named || otherwise !== 'all'))) return new Selection(await pick(which, stdin, { otherwise }))
  checkHome()
  const fixed = named ? await pick({ operands, name, latest, root }, stdin, { empty: true }) : []
  return new Selection(fixed, {
    tags: tag.map(word => checkName('tag', word)),
    parent: parent === undefined ? undefined : one(parent),
    all: all === true || !open,
    root: root === undefined ? undefined : projectRoot(root),
  })
}

export class Selection {
  #fixed: string[]
  readonly #open: Open | undefined
  readonly #seen = new Set<string>()
  /** when the folders that are listed were changed, at the last look */
  #changed = ''
  #unsure = true

  constructor(fixed: string[], open?: Open) {
    this.#fixed = fixed
    this.#open = open
  }

  /** No other session can come into it. */
  get closed(): boolean {
    return this.#open === undefined
  }

  has(id: string): boolean {
    return this.#seen.has(id)
  }

  /** The sessions that have come into it until now. */
  known(): string[] {
    return [...this.#seen]
  }

  /** How many these are. */
  get size(): number {
    return this.#seen.size
  }

  /** The sessions that came into it since the last call. `anew`: look also where nothing seems to have changed. */
  fresh({ anew = false } = {}): string[] {
    const fixed = this.#fixed
    this.#fixed = []
    const found = [...fixed, ...(this.#open && (this.#moved() || anew) ? this.#candidates(this.#open) : [])]
    return found.filter(id => this.#add(id))
  }

  /** Takes a session in of which is known only that it is there. True if it belongs and was not in it yet. */
  offer(id: string): boolean {
    return this.#open !== undefined && !this.#seen.has(id) && belongs(id, this.#open) && this.#add(id)
  }

  #add(id: string): boolean {
    if (this.#seen.has(id)) return false
    this.#seen.add(id)
    return true
  }

  #candidates({ tags, parent, all, root }: Open): string[] {
    const sets = [
      all ? ids() : [],
      tags.length > 0 ? withTags(tags, this.#seen) : [],
      parent === undefined ? [] : indexed('parent', parent),
    ]
    const found = sets.flat().filter(id => !this.#seen.has(id) && exists(id))
    return root === undefined ? found : found.filter(id => readIfIntact(id)?.root === root)
  }

  /** Whether a listed folder changed since the last call. One change is answered twice, because a clock has steps. */
  #moved(): boolean {
    const { tags, parent, all } = this.#open as Open
    const folders = [
      ...(all ? [paths.sessions()] : []),
      ...tags.map(tag => paths.index('tag', tag)),
      ...(parent === undefined ? [] : [paths.index('parent', parent)]),
    ]
    const changed = folders.map(changeOf).join()
    const due = changed !== this.#changed || this.#unsure
    this.#unsure = changed !== this.#changed
    this.#changed = changed
    return due
  }
}

function belongs(id: string, { tags, parent, all, root }: Open): boolean {
  // One that is damaged: if it is one of ours, the index has it.
  const session = readIfIntact(id)
  if (!session || (root !== undefined && session.root !== root)) return false
  const tagged = tags.length > 0 && tags.every(tag => session.tags.includes(tag))
  return all || tagged || (parent !== undefined && session.parent === parent)
}
