// Values of agents and of logs in texts of ours.

/**
 * What a value is in a text: a text as it is, anything else as JSON. String() and templates throw at an object that has a key
 * `toString`, and what an agent prints may hold one anywhere.
 */
export function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined')
}
