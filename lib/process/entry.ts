// What the system says of a process: the one shape that Linux and macOS are read into.

export interface ProcessEntry {
  pid: number
  ppid: number
  /** Its process group. */
  pgid: number
  /** Its session of terminals and groups (setsid), where the system tells it. */
  sid?: number
  /** When it was started, as the system writes it: compared, never computed with. */
  start: string
  /** One letter: Z is a zombie, X is dead, T is stopped. */
  state: string
}

/** It has ended: a zombie that waits for its parent, or one that is just being removed. */
export function hasEnded({ state }: ProcessEntry): boolean {
  return state === 'Z' || state === 'X'
}

/** Reads the value of a variable in the environment a process was started with; nothing if it is not set or not ours to read. */
export type EnvironmentReader = (pid: number, name: string) => string | undefined

export interface System {
  /** One process, zombies too; nothing if there is none or it is hidden. */
  entryOf(pid: number): ProcessEntry | undefined
  /** All processes at about one moment. */
  entries(): ProcessEntry[]
  /** Tells this start of the machine from all others. */
  bootId(): string
  /** A reader for one moment: what it has read once it does not read again. */
  environments(): EnvironmentReader
}
