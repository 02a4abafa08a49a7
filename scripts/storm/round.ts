// One storm: a home, some lanes that run one command after another, somebody who kills, a disk that fills; then the calm, and what
// is broken by then.

import { next, type Told, type World } from './acts.js'
import { type Ask, broken } from './check.js'
import { Dice } from './dice.js'
import { processesOf, send, strike, wake } from './kills.js'
import { Place } from './place.js'
import { type Act, type Ended, faultOf, start } from './run.js'

export interface Outcome {
  /** what happened, for people */
  did: string
  broken: string[]
  folder: string
}

/** What the dice make of one storm. */
interface Weather {
  lanes: number
  /** kills in a second */
  kills: number
  /** some are stopped instead, and go on later */
  stops: boolean
  clocks: boolean
  small: boolean
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Ends what is at work now and removes its home. */
export let breakOff = () => {}

/** Storms for so long (ms) with this seed, and waits until all is calm. */
export async function storm(seed: number, time: number, keep: boolean): Promise<Outcome> {
  const dice = new Dice(seed)
  const weather: Weather = {
    lanes: dice.int(3, 9),
    kills: dice.pick([0, 2, 4, 8]),
    stops: dice.chance(0.5),
    clocks: dice.chance(0.5),
    small: dice.chance(0.4),
  }
  const place = new Place(weather.small)
  const round = new Round(place, dice, weather)
  const end = () => {
    for (const { pid } of processesOf(place.home, round.world.nap)) send(pid, 'SIGKILL')
  }
  breakOff = () => {
    end()
    place.remove()
  }
  let found: string[] = []
  try {
    await round.blow(time)
    await round.calm()
    found = [...round.faults, ...(await broken(round.world, round.ask))]
  } finally {
    end()
    if (!keep && found.length === 0) place.remove()
  }
  return { did: round.did(), broken: found, folder: place.folder }
}

class Round {
  readonly world: World
  readonly faults: string[] = []
  readonly #place: Place
  readonly #dice: Dice
  readonly #weather: Weather
  readonly #counts: Record<string, number> = {}
  readonly #following = new Set<() => void>()

  constructor(place: Place, dice: Dice, weather: Weather) {
    this.#place = place
    this.#dice = dice
    this.#weather = weather
    this.world = { place, nap: `300.${process.pid}${dice.int(100_000, 999_999)}`, told: [] }
  }

  /** Runs one command of the calm: nobody kills it, and it has to be right. */
  readonly ask: Ask = async (program, args, env) => {
    const act: Act = { program: program === 'ps' ? 'ps list' : program, args, env }
    const ended = await this.#end(act, start(act, this.#place.project, this.#place.environment()).ended, true)
    return ended
  }

  async blow(time: number): Promise<void> {
    const end = performance.now() + time
    const { lanes } = this.#weather
    const work = Array.from({ length: lanes }, (_, n) => this.#lane(this.#dice.fork(n), end))
    await Promise.all([...work, this.#kill(this.#dice.fork(100), end), this.#fill(this.#dice.fork(101), end), this.#hush(end)])
    wake()
    this.#place.empty()
  }

  /** Whoever only follows would follow for ever. */
  async #hush(end: number): Promise<void> {
    await pause(end - performance.now())
    for (const kill of this.#following) kill()
  }

  /** One command after another, each with its own chance to be killed, and to have a wrong clock. */
  async #lane(dice: Dice, end: number): Promise<void> {
    while (performance.now() < end) {
      const act = next(dice, this.world)
      const hour = () => dice.int(-12, 12) * 3_600_000
      const clock = this.#place.wrongClock(hour(), dice.int(0, 3000), hour())
      const [wrong, killed, after, follows] = [dice.chance(0.2), dice.chance(0.1), dice.int(0, 400), dice.int(200, 4000)]
      const env = { ...act.env, ...(wrong && this.#weather.clocks ? clock : {}) }
      const started = start({ ...act, env }, this.#place.project, this.#place.environment())
      this.#count(act.program)
      const kill = () => started.kill(dice.chance(0.5) ? 'SIGKILL' : 'SIGTERM')
      const timer = setTimeout(act.follows ? kill : () => started.kill(), act.follows ? follows : after)
      if (!act.follows && !(killed && this.#weather.kills > 0)) clearTimeout(timer)
      if (act.follows) this.#following.add(kill)
      await this.#end(act, started.ended, false)
      this.#following.delete(kill)
      clearTimeout(timer)
    }
  }

  async #end(act: Act, ending: Promise<Ended & { late: boolean }>, room: boolean): Promise<Ended> {
    const ended = await ending
    const kind = act.makes
    if (kind) for (const id of ended.stdout.split('\n').filter(line => ID.test(line))) this.world.told.push({ id, kind } satisfies Told)
    // A command that somebody killed from outside is known by its signal.
    const fault = faultOf(act, ended, room || !this.#place.isSmall)
    if (fault)
      this.faults.push(
        `zag-${act.program} ${act.args
          .map(word => JSON.stringify(word))
          .join(' ')
          .slice(0, 300)}: ${fault.slice(0, 600)}`,
      )
    return ended
  }

  async #kill(dice: Dice, end: number): Promise<void> {
    const { kills, stops } = this.#weather
    while (kills > 0 && performance.now() < end) {
      await pause((dice.next() * 2000) / kills)
      const what = strike(dice, this.#place.home, this.world.nap, stops)
      if (what) this.#count(what)
    }
  }

  /** A small disk is full now and then, for a moment. */
  async #fill(dice: Dice, end: number): Promise<void> {
    while (this.#place.isSmall && performance.now() < end) {
      await pause(dice.int(200, 2000))
      this.#place.leave(dice.int(0, 40) * 4096)
      this.#count('fill the disk')
      await pause(dice.int(50, 1500))
      this.#place.empty()
    }
  }

  /** Everything is to come to its end: what does not by itself is cancelled, until nobody starts anything any more. */
  async calm(): Promise<void> {
    await this.ask('deny', ['--all'])
    await this.ask('wait', ['--all', '--timeout', '3s'])
    for (let tries = 0; tries < 5; tries++) {
      await this.ask('cancel', ['--all', '--grace', '200ms'])
      const { code } = await this.ask('wait', ['--all', '--timeout', '30s'])
      if (code === 124) this.faults.push('zag-wait --all: something is not over half a minute after all was cancelled')
      const { stdout } = await this.ask('ps', ['-q'])
      if (stdout === '') return
    }
    this.faults.push('zag-cancel --all: sessions go on although all was cancelled five times')
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1
  }

  did(): string {
    const { lanes, kills, stops, clocks, small } = this.#weather
    const disk = !small ? '' : this.#place.isSmall ? ', a small disk' : `, no small disk (${this.#place.onBigDisk})`
    const strikes = Object.entries(this.#counts).filter(([what]) => /^(kill|stop|fill) /.test(what))
    const commands = Object.values(this.#counts).reduce((sum, count) => sum + count, 0) - strikes.reduce((sum, [, count]) => sum + count, 0)
    const told = `${lanes} lanes, ${kills} kills/s${stops ? ' or stops' : ''}${clocks ? ', wrong clocks' : ''}${disk}`
    return `${told}: ${commands} commands, ${this.world.told.length} sessions told${strikes.map(([what, count]) => `, ${count} x ${what}`).join('')}`
  }
}

const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, Math.max(0, ms)))
