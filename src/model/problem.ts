/**
 * The catalogue of errors for people: code, what happened, what to try. One table; `docs/problems.md` is printed from it.
 * An expected outcome is a value; a `ProblemError` is thrown only where a world is broken or a person's input cannot be used.
 */
export interface Problem {
  readonly code: ProblemCode
  readonly says: string
  readonly tryThis: string
  readonly exit: ExitCode
}

/** 1 it failed · 2 usage or configuration · 3 refused by a safety check · 4 cannot reach · 5 not allowed · 6 still running */
export type ExitCode = 1 | 2 | 3 | 4 | 5 | 6

type Facts = Readonly<Record<string, string | number>>
interface Entry {
  readonly says: (f: Facts) => string
  readonly tryThis: (f: Facts) => string
  readonly exit: ExitCode
}

export const PROBLEMS = {
  config_missing: {
    exit: 2,
    says: (f) => `there is no configuration file at ${f['path']}`,
    tryThis: (f) => `write one (README, "your own cluster") or name it: --config ${f['path']}`,
  },
  config_none: {
    exit: 2,
    says: (f) => `no configuration file was found: neither ${f['places']}`,
    tryThis: () => 'write one (docs/config.md; six lines are enough), or name it: --config PATH, or REGENT_CONFIG=PATH',
  },
  config_wrong: { exit: 2, says: (f) => `${f['path']}: ${f['what']}`, tryThis: (f) => `${f['fix']}` },
  usage: { exit: 2, says: (f) => `${f['what']}`, tryThis: (f) => `${f['fix']}` },
  cluster_unknown: {
    exit: 2,
    says: (f) => `no cluster and no server is called ${f['name']}`,
    tryThis: (f) => `name one of: ${f['known']}`,
  },
  server_unknown: {
    exit: 2,
    says: (f) => `no server of cluster ${f['cluster']} is called ${f['name']}`,
    tryThis: (f) => `name one of: ${f['known']}`,
  },
  unreachable: {
    exit: 4,
    says: (f) => `${f['server']} cannot be reached: ${f['why']}`,
    tryThis: (f) => `check the address and the network: mysql -h ${f['host']} -P ${f['port']} -u ${f['user']} -p`,
  },
  access_denied: {
    exit: 5,
    says: (f) => `${f['server']} does not let ${f['user']} in: ${f['why']}`,
    tryThis: () => 'correct the password in the configuration, or create the account: regent grants',
  },
  privilege_missing: {
    exit: 5,
    says: (f) => `${f['user']} on ${f['server']} lacks ${f['privilege']}`,
    tryThis: (f) => `GRANT ${f['privilege']} ON ${f['on'] ?? '*.*'} TO ${f['account']};`,
  },
  another_server: {
    exit: 3,
    says: (f) => `at ${f['server']} there is now another server (${f['found']}): nothing was changed there`,
    tryThis: (f) =>
      `${f['meant']} was meant; see who is where: regent topology; try again once it is seen at its new address; if it is gone for good: regent forget; if it is the primary under a new identity: regent adopt --open --over-reign --reason "…"`,
  },
  flavour_unknown: {
    exit: 2,
    says: (f) =>
      `${f['server']} says it is "${f['version']}", which is neither a MySQL nor a MariaDB that Regent knows`,
    tryThis: () =>
      'Regent knows MySQL 8.4 and 9.x and MariaDB 10.6 to 11.8; take the server out of the topology, or upgrade it',
  },
  reply_unusable: {
    exit: 1,
    says: (f) => `${f['server']} answered something that cannot be used: ${f['what']}`,
    tryThis: () => 'look at the server by hand; report it with the version when it is a server that Regent should know',
  },
  lease_taken: {
    exit: 3,
    says: (f) => `another Regent acts on this store: ${f['by']} (its lease is valid for ${rounded(f['left'])} ms more)`,
    tryThis: () => 'give the command to that one (--api URL), or end it first',
  },
  lease_lost: {
    exit: 3,
    says: (f) => `this process does not hold the lease of the store any more: ${f['why']}`,
    tryThis: () => 'the present holder goes on with what was begun; where nobody acts, start `regent watch` again',
  },
  store_locked: {
    exit: 1,
    says: (f) => `the store ${f['path']} is locked by another program: ${f['why']}`,
    tryThis: (f) => `see who holds it: fuser ${f['path']}; only Regent may open it for writing`,
  },
  store_full: {
    exit: 1,
    says: (f) => `the store ${f['path']} cannot be written: ${f['why']}`,
    tryThis: () => 'free some space on its file system; watching goes on, nothing is changed until then',
  },
  store_unwritable: {
    exit: 2,
    says: (f) => `the store ${f['path']} cannot be opened for writing: ${f['why']}`,
    tryThis: () => 'give this user the right to write there, or name another directory for the store',
  },
  store_corrupt: {
    exit: 1,
    says: (f) => `the store ${f['path']} is not a sound SQLite database: ${f['why']}`,
    tryThis: (f) => `move it aside and adopt again: mv ${f['path']} ${f['path']}.bad; regent adopt <cluster>`,
  },
  store_newer: {
    exit: 2,
    says: (f) =>
      `the store ${f['path']} was written by a newer Regent (schema ${f['found']}, this one knows ${f['known']})`,
    tryThis: () => 'use the newer Regent',
  },
  port_taken: {
    exit: 4,
    says: (f) => `${f['address']} is in use by another program`,
    tryThis: (f) => `choose another port, or see who it is: ss -ltnp 'sport = :${f['port']}'`,
  },
  port_held: {
    exit: 4,
    says: (f) => `${f['address']} is in use by ${f['who']}`,
    tryThis: (f) => `${f['fix']}`,
  },
  control_taken: {
    exit: 4,
    says: (f) => `another program already answers at the control socket ${f['path']}`,
    tryThis: () => 'look who it is: regent proxy status; end it: regent proxy stop',
  },
  control_unusable: {
    exit: 2,
    says: (f) => `the control socket ${f['path']} cannot be made: ${f['why']}`,
    tryThis: (f) => `${f['fix']}`,
  },
  proxy_memory_unusable: {
    exit: 3,
    says: (f) => `the proxy cannot use its state file ${f['path']}: ${f['why']}`,
    tryThis: (f) => `if no other Regent and no other proxy uses it, move it aside: mv ${f['path']} ${f['path']}.bad`,
  },
  proxy_unreachable: {
    exit: 4,
    says: (f) => `no proxy answers for ${f['cluster']} (route ${f['route']}): ${f['why']}`,
    tryThis: (f) =>
      `start it: regent proxy run ${f['cluster']}; a \`regent watch\` starts it where the route says spawn: true`,
  },
  proxy_refused: {
    exit: 3,
    says: (f) => `the proxy of ${f['cluster']} (route ${f['route']}) refuses: ${f['why']}`,
    tryThis: (f) => `${f['fix']}`,
  },
  refused: { exit: 3, says: (f) => `refused: ${f['why']}`, tryThis: (f) => `${f['fix']}` },
  recovery_open: {
    exit: 3,
    says: (f) => `recovery ${f['id']} of this cluster is not finished`,
    tryThis: (f) => `look at it: regent history ${f['id']}; a running \`regent watch\` continues it`,
  },
  recovery_failed: { exit: 1, says: (f) => `${f['what']}`, tryThis: (f) => `regent history ${f['id']}` },
  still_running: {
    exit: 6,
    says: (f) => `recovery ${f['id']} is not finished: ${f['why']}`,
    tryThis: (f) => `do not repeat it before you have looked: regent history ${f['id']}`,
  },
  nothing_answers: {
    exit: 4,
    says: (f) => `no server of ${f['cluster']} serves us: ${f['why']}`,
    tryThis: (f) => `see each of them: regent diagnose ${f['cluster']}; its accounts: regent config check`,
  },
  needs_yes: {
    exit: 3,
    says: () => 'this changes servers, and there is no terminal to ask on',
    tryThis: () => 'look at the plan (regent plan …), then repeat the command with --yes',
  },
  answered_no: { exit: 3, says: () => 'not done: the answer was not yes', tryThis: () => 'nothing was changed' },
  not_allowed: {
    exit: 5,
    says: (f) => `not allowed: ${f['why']}`,
    tryThis: () => 'give a valid token: REGENT_TOKEN or --token-file',
  },
  daemon_unreachable: {
    exit: 4,
    says: (f) => `no Regent answers at ${f['url']}: ${f['why']}`,
    tryThis: () => 'start `regent watch`, or leave --api out to look from here',
  },
  installation_missing: { exit: 4, says: (f) => `${f['what']} is missing here`, tryThis: (f) => `${f['fix']}` },
  sandbox_missing: {
    exit: 2,
    says: (f) => `no sandbox runs in ${f['dir']}`,
    tryThis: () => 'start one: regent sandbox up --server mariadb',
  },
  sandbox_failed: { exit: 1, says: (f) => `${f['what']}`, tryThis: (f) => `${f['fix']}` },
} as const satisfies Record<string, Entry>

/** A lease is counted in fractions of a millisecond, which no person wants to read. */
function rounded(ms: string | number | undefined): string {
  return typeof ms === 'number' ? String(Math.max(0, Math.round(ms))) : String(ms)
}

export type ProblemCode = keyof typeof PROBLEMS

/** For answers that come from another process, perhaps of another version. */
export const isProblemCode = (code: unknown): code is ProblemCode =>
  typeof code === 'string' && Object.hasOwn(PROBLEMS, code)
export const isExitCode = (exit: unknown): exit is ExitCode =>
  typeof exit === 'number' && exit >= 1 && exit <= 6 && Number.isInteger(exit)

export function problem(code: ProblemCode, facts: Facts = {}): Problem {
  const entry: Entry = PROBLEMS[code]
  return { code, says: entry.says(facts), tryThis: entry.tryThis(facts), exit: entry.exit }
}

export interface ProblemErrorOptions extends ErrorOptions {
  /** What else is wrong, in the order in which a person reads it. */
  readonly others?: readonly Problem[]
}

export class ProblemError extends Error {
  readonly problem: Problem
  readonly others: readonly Problem[]
  constructor(which: Problem, { others = [], ...options }: ProblemErrorOptions = {}) {
    super(`${which.says} (${which.tryThis})`, options)
    this.name = 'ProblemError'
    this.problem = which
    this.others = others
  }
}
