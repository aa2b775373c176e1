/** Prints `docs/steps.md` from the table of steps. */
import { writeFileSync } from 'node:fs'
import { serverId } from '../src/model/ids.ts'
import { describeStep, STEPS, type StepBody, type StepKind } from '../src/model/step.ts'

export const STEPS_PATH = new URL('../docs/steps.md', import.meta.url)

const HEAD = `# Steps

What plans are made of. A plan is a list of these, each with the steps that it waits for, those whose success it needs, a deadline,
what its failure means and, in a first act, how it is taken back. What \`regent plan\` shows is the object that is run. This page is printed from the table in
\`src/model/step.ts\` by \`scripts/print-steps.ts\`.

| when it fails | means |
|---|---|
| \`stop\` | the act ends here: nothing new starts, what runs is waited for |
| \`go_on\` | it is noted, and the steps that wait for it go on |
| \`count_missing\` | its server counts as absent from then on: neither candidate nor acker |

A step that changes something is sent with a guard that the server itself checks, so that nothing of it takes effect after the right
to act has passed to another Regent. Every step looks before it changes, so it can be tried again. After a deadline its outcome is
*unknown*, and an opening of unknown outcome counts as open.
`

const [PRIMARY, REPLICA] = [serverId('the-primary'), serverId('the-replica')]
const NAMES: ReadonlyMap<string, string> = new Map([
  [PRIMARY, 'db1:3306'],
  [REPLICA, 'db2:3306'],
])

/** One of each kind, for its line as a plan shows it. A new kind of step does not compile until it stands here. */
const EXAMPLES: { readonly [K in StepKind]: StepBody<K> } = {
  withdraw_route: { kind: 'withdraw_route', route: 'proxy', sessions: 'close' },
  announce: { kind: 'announce', route: 'proxy', server: REPLICA },
  close_idle_sessions: { kind: 'close_idle_sessions', route: 'proxy', server: PRIMARY, until: 'held' },
  cut_clients: { kind: 'cut_clients', server: PRIMARY, whom: 'all' },
  close_server: { kind: 'close_server', server: PRIMARY, lockWaitS: 4 },
  open_server: { kind: 'open_server', server: REPLICA },
  semi_sync_source: { kind: 'semi_sync_source', server: REPLICA, to: 'on', waitCount: 1 },
  start_applier: { kind: 'start_applier', server: REPLICA, channel: '' },
  seal: { kind: 'seal', server: REPLICA, channel: '', killAfterMs: 300 },
  unseal: { kind: 'unseal', server: REPLICA, channel: '' },
  drain: { kind: 'drain', server: REPLICA, channel: '' },
  reach: { kind: 'reach', server: REPLICA, channel: '', of: PRIMARY },
  stop_applier: { kind: 'stop_applier', server: REPLICA, channel: '', rollBack: true },
  attach: { kind: 'attach', server: REPLICA, channel: '', to: PRIMARY, keepRelayLog: true },
  count_ackers: { kind: 'count_ackers', server: PRIMARY, ackers: [REPLICA], atLeast: 1 },
  barrier: {
    kind: 'barrier',
    server: PRIMARY,
    demand: { atLeast: 'stopped', alsoRoutes: true },
    stopped: true,
    addresses: [],
    routesAreComplete: true,
    routeSteps: [],
    closeSteps: [],
  },
  crown: { kind: 'crown', server: REPLICA },
  reset_channel: { kind: 'reset_channel', server: REPLICA, channel: '' },
}

const isKind = (word: string): word is StepKind => word in EXAMPLES

export const KINDS: readonly StepKind[] = Object.keys(STEPS).filter(isKind)

export function stepsText(): string {
  const rows = KINDS.map((kind) => {
    const traits = STEPS[kind]
    return `| \`${kind}\` | ${traits.summary} | ${traits.changes ? 'changes' : 'looks'} | ${lineOf(kind)} |`
  })
  return [HEAD, '| step | does | | as a plan shows it |', '|---|---|---|---|', ...rows, ''].join('\n')
}

const lineOf = (kind: StepKind): string => describeStep(EXAMPLES[kind], (id) => NAMES.get(id) ?? id)

if (import.meta.main) writeFileSync(STEPS_PATH, stepsText())
