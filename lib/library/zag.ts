// The library: a function for each program, with its flags in camelCase as options and what it prints as a typed result. None of
// them touches stdout, stderr or the exit code; what goes wrong is a Fault with the exit code of the program in `exit`.

export { EXIT, Fault } from '../base/exit.js'
export type { EventOf, EventType, LogEvent, NewEvent } from '../log/events.js'
export type { Surveyed } from '../provider/survey.js'
export type { Row } from '../session/row.js'
export type { State } from '../session/state.js'
export type { Listed } from '../verb/list.js'
export type { RelayRow } from '../verb/relay-row.js'
export type { Told } from '../verb/subscribe.js'
export { type CancelOptions, cancel, doctor, gc, type LogOptions, log, session } from './act.js'
export {
  type Broadcast,
  broadcast,
  type Came,
  exec,
  type Following,
  type InputOptions,
  input,
  type PipeOptions,
  pipe,
  type Reply,
  type RetryOptions,
  retry,
  type Spawned,
  type SpawnOptions,
  spawn,
  spawnEach,
} from './begin.js'
export {
  type ListenOptions,
  listen,
  type SubscribeOptions,
  subscribe,
  type Waited,
  type WaitOptions,
  type WatchOptions,
  waitFor,
  watch,
} from './follow.js'
export {
  collect,
  type EventsOptions,
  env,
  events,
  output,
  providers,
  ps,
  psTree,
  type Summarised,
  search,
  status,
  summary,
  summaryTree,
  whoami,
} from './look.js'
export { type AgentEvent, AgentOrchestrator, type OrchestratorOptions } from './orchestrator.js'
export { allow, approve, deny, file, permit, type Relays, relay } from './permissions.js'
export type { Sessions } from './which.js'
