// A sleep that can be ended before its time: whoever supervises a session must hear of its end whatever it waits for.

import { at } from '../base/time.js'

export class Nap {
  #wake = () => {}

  /** Resolves after so many milliseconds, or when it is woken. */
  take(time: number): Promise<void> {
    return new Promise(resolve => {
      const disarm = at(Date.now() + time, resolve)
      this.#wake = () => {
        disarm()
        resolve()
      }
    })
  }

  wake(): void {
    this.#wake()
  }
}
