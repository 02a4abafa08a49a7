// The agents that are run for real: how each is pointed at the model server, and where they differ in what can be seen of them.
//
// Each has a folder of its own as its HOME and no variable but those named here. What is set is what a user could set: servers,
// keys, fewer retries, no traffic elsewhere.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface Agent {
  name: string
  /** The variables that point it at a server. */
  env(server: string): Record<string, string>
  /** Files of its configuration, by their path in its home. */
  files?(server: string): Record<string, string>
  /** What it is always given on the command line. */
  flags?: readonly string[]
  /** It has no tools. */
  toolless?: true
  /** A model it knows nothing of, as its --model wants it. */
  badModel?: string
  /** How long the model is to think before it answers, in milliseconds. */
  delay?: number
  /** It lives on for several turns, and asks before it acts. */
  live?: true
  /** It says what a run cost. */
  cost?: true
  /** It tells which of the tokens it read came from a cache; else they are in its input. */
  cached?: true
  /** Whether a limit ends it and it says when the limit is over, to the second or just the minute; some wait for that by themselves. */
  limit: 'told' | 'minute' | 'untold' | 'waits' | 'waits a while'
}

const KEY = 'a-key-that-is-long-enough'
const json = (value: unknown) => `${JSON.stringify(value)}\n`

const claude: Agent = {
  name: 'claude',
  env: server => ({
    ANTHROPIC_BASE_URL: server,
    CLAUDE_CODE_MAX_RETRIES: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  }),
  // A login, as only a subscription is told when its limits are over; a token in a variable would not reach those inside.
  files: () => ({
    '.claude/.credentials.json': json({
      claudeAiOauth: { accessToken: `sk-ant-oat01-${KEY}`, expiresAt: Date.parse('2100-01-01'), scopes: ['user:inference'] },
    }),
  }),
  cost: true,
  cached: true,
  limit: 'told',
}

const codex: Agent = {
  name: 'codex',
  env: () => ({ TEST_KEY: KEY }),
  files: server => ({
    '.codex/config.toml': [
      'model = "gpt-5.5"',
      'model_provider = "test"',
      'check_for_update_on_startup = false',
      '[model_providers.test]',
      'name = "test"',
      `base_url = "${server}/v1"`,
      'env_key = "TEST_KEY"',
      'wire_api = "responses"',
      'request_max_retries = 0',
      'stream_max_retries = 0',
      '[analytics]',
      'enabled = false',
      '[features]',
      'plugins = false',
      'apps = false',
      '',
    ].join('\n'),
  }),
  cached: true,
  limit: 'minute',
}

const gemini: Agent = {
  name: 'gemini',
  env: server => ({
    GOOGLE_GEMINI_BASE_URL: server,
    GEMINI_API_KEY: KEY,
    GEMINI_CLI_TRUST_WORKSPACE: 'true',
    // As zag sets it, so that it is the same where it is run alone, to be measured.
    GEMINI_CLI_NO_RELAUNCH: 'true',
  }),
  files: () => ({
    '.gemini/settings.json': json({
      security: { auth: { selectedType: 'gemini-api-key' } },
      privacy: { usageStatisticsEnabled: false },
      general: { maxAttempts: 2 },
      model: { name: 'gemini-2.5-flash' },
    }),
  }),
  live: true,
  // A run that ends within its first second leaves a lock, for which the next one waits 13 s.
  delay: 400,
  cached: true,
  limit: 'untold',
}

const opencode: Agent = {
  name: 'opencode',
  env: server => ({
    OPENCODE_CONFIG_CONTENT: json({
      model: 'test/m1',
      autoupdate: false,
      share: 'disabled',
      provider: {
        test: {
          npm: '@ai-sdk/openai-compatible',
          options: { baseURL: `${server}/v1`, apiKey: KEY },
          models: { m1: { cost: { input: 1, output: 2 }, limit: { context: 200_000, output: 8_000 } } },
        },
      },
    }),
    ...Object.fromEntries(
      ['MODELS_FETCH', 'AUTOUPDATE', 'LSP_DOWNLOAD', 'DEFAULT_PLUGINS', 'SHARE'].map(what => [`OPENCODE_DISABLE_${what}`, '1']),
    ),
  }),
  live: true,
  badModel: 'test/no-such-model',
  cost: true,
  cached: true,
  limit: 'waits',
}

const copilot: Agent = {
  name: 'copilot',
  env: server => ({
    COPILOT_PROVIDER_BASE_URL: `${server}/v1`,
    COPILOT_PROVIDER_API_KEY: KEY,
    COPILOT_MODEL: 'gpt-5.5',
    COPILOT_OFFLINE: 'true',
    COPILOT_AUTO_UPDATE: 'false',
  }),
  cached: true,
  live: true,
  limit: 'waits a while',
}

/** Nothing is installed for this one: zag itself talks to the server, which here is one that speaks as its manual says. */
const ollama: Agent = {
  name: 'ollama',
  env: server => ({ OLLAMA_HOST: server }),
  flags: ['--model', 'm1'],
  toolless: true,
  limit: 'untold',
}

export const AGENTS = { claude, codex, gemini, opencode, copilot, ollama } as const

/** Where the agents are installed, also by what a script that was bundled to dist/scripts says. */
export const INSTALLED = join(import.meta.dirname, '../../test/agents/node_modules/.bin')

/** Writes the configuration of an agent into its home; the variables it is to be run with. */
export function pointAt(agent: Agent, server: string, home: string): Record<string, string> {
  for (const [path, text] of Object.entries(agent.files?.(server) ?? {})) {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    writeFileSync(join(home, path), text)
  }
  return agent.env(server)
}
