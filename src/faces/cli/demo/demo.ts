/** The demo: a sandbox, the daemon on it, clients, a fault, the recovery, the proof. */
import type { Flavour } from '../../../lab/sandbox/index.ts'
import { printAddress } from '../../../model/address.ts'
import { ProblemError } from '../../../model/problem.ts'
import { takeDown } from '../commands/sandbox-down.ts'
import { bringUp, type Up } from '../commands/sandbox-up.ts'
import type { Context } from '../context.ts'
import { type DemoJson, type Returned, succeeded } from './facts.ts'
import { play } from './keys.ts'
import type { Judged } from './load.ts'
import { Screen } from './screen.ts'
import { Stage, WRITE_EVERY_MS } from './stage.ts'
import { type Blow, bringBack, judge, pause, strike } from './story.ts'
import { returnedText, sayJudged } from './words.ts'

export interface DemoRequest {
  readonly server: Flavour
  /** End after the story. */
  readonly once: boolean
  readonly keep: boolean
  readonly dir?: string
}

/** The clients write for so long before the blow, and so long between its end and the return of the dead. */
const CALM_MS = 4000
const BREATH_MS = 1500

/** Whatever happens: what was started is ended, and the figures are told. */
export async function runDemo(context: Context, request: DemoRequest): Promise<DemoJson> {
  const asJson = context.output.kind === 'format' && context.output.format !== 'table'
  using screen = new Screen(asJson ? context.io.stderr : context.io.stdout, context.paint)
  const tale = new Tale(request.server)
  let up: Up | undefined
  try {
    const { runners, io } = context
    screen.say(`${context.paint('bold', 'regent demo')}: real servers on this host`)
    up = await bringUp(
      {
        server: request.server,
        shape: '1+3',
        semiSync: true,
        adopt: true,
        policy: { anti_flapping: '0s' },
        ...(request.dir === undefined ? {} : { dir: request.dir }),
      },
      { runners, signal: io.signal, onProgress: (line) => screen.say(`  ${line}`) },
    )
    await perform(context, { up, screen, tale, request })
  } catch (error) {
    tale.errors.push(explain(error, context.io.signal))
  } finally {
    if (up)
      await clearAway(context, { up, screen, tale, request }).catch((error: unknown) => tale.errors.push(String(error)))
  }
  const facts = tale.facts(up)
  if (facts.errors.length > 0) for (const says of facts.errors) context.note(`regent: ${says}`)
  return facts
}

const explain = (error: unknown, signal: AbortSignal): string => {
  if (signal.aborted) return 'interrupted'
  if (error instanceof ProblemError) return `${error.problem.says} (try: ${error.problem.tryThis})`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

interface Performance {
  readonly up: Up
  readonly screen: Screen
  readonly tale: Tale
  readonly request: DemoRequest
}

async function perform(context: Context, { up, screen, tale, request }: Performance): Promise<void> {
  const { runners, io } = context
  introduce(context, up, screen)
  await using stage = new Stage(up, { runners, screen, signal: io.signal })
  try {
    await stage.open()
    screen.title(`Calm: one write every ${WRITE_EVERY_MS} ms, for ${CALM_MS / 1000} s`)
    await pause(CALM_MS, io.signal)
    await tell(stage, tale)
    tale.finish(await stopAndJudge(stage))
    summarize(context, tale.facts(up), screen)
    if (!request.once && io.stdin.isTTY === true && io.stdout.isTTY === true) await play(stage, io)
  } catch (error) {
    // The daemon's last words go with it when the directory goes.
    for (const line of await stage.watcher.lastLines(15)) context.note(line)
    throw error
  }
}

function introduce({ paint }: Context, { sandbox, json, dir }: Up, screen: Screen): void {
  const { server, serverVersion } = sandbox.state
  screen.title(
    `${server === 'mysql' ? 'MySQL' : 'MariaDB'} ${serverVersion}: 1 primary, 3 replicas, lossless semi-sync`,
  )
  for (const one of sandbox.servers) screen.say(`  ${one.id}        ${printAddress(one)}  pid ${one.pid}`)
  screen.say(`  clients   write through the proxy at ${printAddress(json.proxy)}`)
  screen.say(`  the page  ${paint('bold', json.api.url)}`)
  screen.say(`  watched   by regent watch --config ${json.config}`)
  screen.say(`  files     ${dir}`)
  screen.say('  Anti-flapping is off in this configuration (anti_flapping: 0s), so that you may strike again at once.')
}

/** The story: the blow, the recovery, the books, the return. */
async function tell(stage: Stage, tale: Tale): Promise<void> {
  const { screen } = stage
  screen.title('The primary dies')
  const blow = await strike(stage, 'kill')
  tale.blow = blow
  await stage.load.renew()
  screen.title('The books')
  sayJudged(screen, await judge(stage, blow.newPrimary), blow)
  await pause(BREATH_MS, stage.signal)
  screen.title('The dead one returns')
  const returned = await bringBack(stage, blow)
  tale.returned = returned
  screen.flush()
  for (const line of returnedText(blow.victim, returned, stage.name)) screen.say(line)
}

async function stopAndJudge(stage: Stage): Promise<Judged> {
  await stage.load.renew()
  return judge(stage, await stage.primary())
}

function summarize({ paint }: Context, facts: DemoJson, screen: Screen): void {
  const good = succeeded(facts)
  screen.title(good ? paint('green', 'No acknowledged write was lost.') : paint('red', 'This did not end well.'))
  const { outageMs, detectedMs, promotedMs, acknowledged, lost } = facts
  screen.say(
    `  verdict after ${detectedMs} ms · new primary open after ${promotedMs} ms · writer's pause ${outageMs} ms`,
  )
  screen.say(`  ${acknowledged} writes acknowledged, ${lost} lost`)
}

async function clearAway(context: Context, { up, screen, tale, request }: Performance): Promise<void> {
  screen.flush()
  if (request.keep) screen.say(`Ending the servers; logs and data stay in ${up.dir}`)
  else screen.say('Ending the servers, and removing what was made')
  const { stillWatching } = await takeDown(up.dir, context.runners, { keep: request.keep })
  for (const pid of stillWatching) tale.errors.push(`a regent watch still runs: pid ${pid}`)
}

/** What has happened so far. */
class Tale {
  readonly errors: string[] = []
  blow: Blow | undefined
  returned: Returned | undefined
  #judged: Judged | undefined
  readonly #server: Flavour

  constructor(server: Flavour) {
    this.#server = server
  }

  finish(judged: Judged): void {
    this.#judged = judged
    if (this.returned?.kind === 'not_yet') this.errors.push(`the returned server: ${this.returned.says}`)
    for (const one of judged.contradicted) this.errors.push(`${one} was refused, and is there all the same`)
  }

  facts(up: Up | undefined): DemoJson {
    const { blow, returned } = this
    return {
      server: this.#server,
      version: up?.sandbox.state.serverVersion ?? '',
      fault: 'kill',
      failedOver: blow !== undefined,
      outageMs: blow?.outageMs ?? null,
      detectedMs: blow?.detectedMs ?? null,
      promotedMs: blow?.promotedMs ?? null,
      acknowledged: this.#judged?.acknowledged ?? 0,
      lost: this.#judged?.lost.length ?? 0,
      rejoined: returned?.kind === 'rejoined',
      errant: returned?.kind === 'fenced' ? returned.errant : [],
      errors: this.errors,
    }
  }
}
