// The exit codes of every program, and the one error type lib throws on purpose.
//
// lib throws a Fault and never prints or exits; lib/command turns a Fault into one line
// on stderr and its code. Any other error that reaches the edge is a bug in zag (EXIT.bug).

export const EXIT = {
  /** the answer is yes */
  ok: 0,
  /** the answer is no, or a session this command speaks for failed or died */
  no: 1,
  /** wrong usage; nothing was done */
  usage: 2,
  /** no such session, or several fit */
  none: 3,
  /** not possible now: a lock is held, a session has not ended or ended already */
  notNow: 4,
  /** the system refused: file, disk, permission */
  system: 5,
  /** a bug in zag */
  bug: 70,
  /** time ran out */
  timeout: 124,
  /** the agent program cannot be run */
  cannotRun: 126,
  /** the agent program was not found */
  notFound: 127,
  /** stopped by SIGHUP, SIGINT, SIGPIPE, SIGTERM: 128 + n */
  hungUp: 129,
  interrupted: 130,
  brokenPipe: 141,
  terminated: 143,
} as const

/** A failure with a line for the user and an exit code. The message is lower case, one line, without a full stop. */
export class Fault extends Error {
  readonly exit: number

  constructor(message: string, exit: number, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'Fault'
    this.exit = exit
  }
}

/** Wrong usage: exit 2. */
export function usage(message: string): Fault {
  return new Fault(message, EXIT.usage)
}

/** The system refused `what`: "cannot write 'x': no space left on device", exit 5. A Fault is handed through as it is. */
export function refused(what: string, error: unknown): Fault {
  if (error instanceof Fault) return error
  return new Fault(`${what}: ${reason(error)}`, EXIT.system, { cause: error })
}

/** What the system said, without Node's code before it and the call after it. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message.replace(/^[A-Z]+: /, '').replace(/, [a-z]+( '.*)?$/s, '')
}

/** The code of a system error, such as ENOENT. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
}

/** Text of a user or an agent as one printable line in single quotes: for messages. Long text loses its middle and shows it. */
export function quoted(text: string): string {
  const cut = text.length > 160 ? `${text.slice(0, 80)}...${text.slice(-77)}` : text
  return `'${visible(cut)}'`
}

/** A text on one line, with its control characters shown, also those that turn the direction of writing. */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not reach the terminal
  const hidden = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
  return text.replace(hidden, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
