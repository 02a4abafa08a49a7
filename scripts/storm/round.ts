// One storm: a home, some lanes that run one command after another, somebody who kills, a disk that fills; then the calm, and what
// is broken by then.

import { everything, next, type Told, type World } from './acts.js'
import { type Ask, broken } from './check.js'
import { Dice } from './dice.js'
import { processesOf, send, strike, wake } from './kills.js'
import { Place } from './place.js'
import { stranded } from './queue.js'
import { type Act, type Ended, faultOf, start } from './run.js'

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

export class Round {
  readonly seed: number
  readonly #place: Place
  readonly #dice: Dice
  readonly #weather: Weather
  readonly #world: World
  /** what is broken, as it is found */
  readonly #faults: string[] = []
  readonly #counts: Record<string, number> = {}
  readonly #following = new Set<() => void>()

  constructor(seed: number) {
    const dice = new Dice(seed)
    this.seed = seed
    this.#dice = dice
    this.#weather = {
      lanes: dice.int(3, 9),
      kills: dice.pick([0, 2, 4, 8]),
      stops: dice.chance(0.5),
      clocks: dice.chance(0.5),
      small: dice.chance(0.4),
    }
    this.#place = new Place(this.#weather.small)
    this.#world = { place: this.#place, nap: `300.${process.pid}${dice.int(100_000, 999_999)}`, told: [] }
  }

  get folder(): string {
    return this.#place.folder
  }

  /** Storms for so long (ms), waits until all is calm, and gives what is broken by then. Also what the storm itself stumbles over. */
  async storm(time: number): Promise<string[]> {
    const parts = [() => this.#blow(time), () => this.#calm(), () => this.#look()]
    for (const part of parts) await part().catch(error => this.#stumble(error))
    this.end()
    return this.#faults
  }

  #stumble(error: unknown): void {
    this.#faults.push(`the storm stumbles: ${error instanceof Error ? error.stack : error}`)
  }

  /** Ends all that is at work. */
  end(): void {
    // Whoever is killed may just have started another.
    for (let tries = 0; tries < 20; tries++) {
      const left = processesOf(this.#place.home, this.#world.nap)
      if (left.length === 0) return
      for (const { pid } of left) send(pid, 'SIGKILL')
    }
  }

  /** Removes all there is of it. */
  remove(): void {
    this.#place.remove()
  }

  async #look(): Promise<void> {
    for await (const what of broken(this.#world, this.#ask)) this.#faults.push(what)
  }

  /** Runs one command of the calm: nobody kills it, and it has to be right. */
  readonly #ask: Ask = (program, args, env) => this.#run({ program: program === 'ps' ? 'ps list' : program, args, env })

  async #run(act: Act): Promise<Ended> {
    return this.#end(act, start(act, this.#place.project, this.#place.environment()).ended, true)
  }

  async #blow(time: number): Promise<void> {
    const end = performance.now() + time
    const { lanes } = this.#weather
    const work = Array.from({ length: lanes }, (_, n) => this.#lane(this.#dice.fork(n), end))
    const others = [this.#kill(this.#dice.fork(100), end), this.#fill(this.#dice.fork(101), end), this.#hush(end)]
    // Where one stumbles the others have to be over, too, before anything is looked at.
    for (const part of await Promise.allSettled([...work, ...others])) if (part.status === 'rejected') this.#stumble(part.reason)
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
    for (let n = 0; performance.now() < end; n++) {
      // How many numbers a command takes depends on what there is by then: what comes after it must not.
      const own = dice.fork(n)
      const hour = () => own.int(-12, 12) * 3_600_000
      const clock = this.#place.wrongClock(hour(), own.int(0, 3000), hour())
      const [wrong, killed, after, follows] = [own.chance(0.2), own.chance(0.1), own.int(0, 400), own.int(200, 4000)]
      const signal = own.pick(['SIGKILL', 'SIGTERM'] as const)
      const act = next(own, this.#world)
      const env = { ...act.env, ...(wrong && this.#weather.clocks ? clock : {}) }
      const started = start({ ...act, env }, this.#place.project, this.#place.environment())
      this.#count(act.program)
      const kill = () => started.kill(signal)
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
    if (kind) for (const id of ended.stdout.split('\n').filter(line => ID.test(line))) this.#world.told.push({ id, kind } satisfies Told)
    // A command that somebody killed from outside is known by its signal.
    const fault = faultOf(act, ended, room || !this.#place.isSmall)
    if (fault)
      this.#faults.push(
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
      const what = strike(dice, this.#place.home, this.#world.nap, stops)
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
  async #calm(): Promise<void> {
    await this.#run(everything(this.#world))
    await this.#ask('deny', ['--all'])
    await this.#ask('wait', ['--all', '--timeout', '3s'])
    for (const id of await stranded(this.#place, this.#ask)) this.#faults.push(`${id}: waits, and nothing is in its way`)
    for (let tries = 0; tries < 5; tries++) {
      await this.#ask('cancel', ['--all', '--grace', '200ms'])
      const { code } = await this.#ask('wait', ['--all', '--timeout', '30s'])
      if (code === 124) this.#faults.push('zag-wait --all: something is not over half a minute after all was cancelled')
      const { stdout } = await this.#ask('ps', ['-q'])
      if (stdout === '') return
    }
    this.#faults.push('zag-cancel --all: sessions go on although all was cancelled five times')
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
    return `${told}: ${commands} commands, ${this.#world.told.length} sessions told${strikes.map(([what, count]) => `, ${count} x ${what}`).join('')}`
  }
}

const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, Math.max(0, ms)))
