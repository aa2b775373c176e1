import { A_SCENE, type RegentProcess, Scene } from '../src/lab/simulate/index.ts'
import { Writer } from '../src/lab/simulate/writer.ts'
import type { Risk } from '../src/model/plan.ts'
import type { LossPolicy, Policy, ProofLevel } from '../src/model/policy.ts'
import { type Command, type RecoveryEnd, runCommand } from '../src/run/daemon/index.ts'

const FLAVOURS = ['mysql', 'mariadb'] as const
const FENCES = ['auto', 'none', 'routes', 'readonly', 'stopped'] as const
const STARTS = ['start read-only', 'may start writable'] as const
const COMPLETE = ['clients only by routes', 'clients also directly'] as const
const ROUTES = ['no route', 'one route', 'one silent route', 'two routes, one silent'] as const
const WAITS = [0, 1] as const
const LOSSES = ['auto', 'proven'] as const
const EVENTS = [
  'killed',
  'frozen, thawed 2 s after another opened',
  'alive, failover by a person',
  'alive, failover by a person, then killed and restarted',
  'alive, switchover by a person',
  'killed, restarted 50 ms after another opened',
  'killed and restarted, routes cut meanwhile',
] as const

/** One policy, one cluster, one thing that happens to its primary. */
export interface Cell {
  readonly flavour: (typeof FLAVOURS)[number]
  readonly fence: (typeof FENCES)[number]
  readonly starts: (typeof STARTS)[number]
  readonly complete: (typeof COMPLETE)[number]
  readonly routes: (typeof ROUTES)[number]
  readonly waitCount: (typeof WAITS)[number]
  readonly loss: (typeof LOSSES)[number]
  readonly event: (typeof EVENTS)[number]
}

export const nameOf = (c: Cell): string =>
  `${c.flavour}, primary ${c.event}; fence ${c.fence}, loss ${c.loss}, servers ${c.starts}, ${c.complete}, ${c.routes}, semi-sync ${c.waitCount === 0 ? 'off' : c.waitCount}`

/** Every combination, in an order that never changes. */
export const CELLS: readonly Cell[] = FLAVOURS.flatMap((flavour) =>
  FENCES.flatMap((fence) =>
    STARTS.flatMap((starts) =>
      COMPLETE.flatMap((complete) =>
        ROUTES.flatMap((routes) =>
          WAITS.flatMap((waitCount) =>
            LOSSES.flatMap((loss) =>
              EVENTS.map((event): Cell => ({ flavour, fence, starts, complete, routes, waitCount, loss, event })),
            ),
          ),
        ),
      ),
    ),
  ),
)

const NAMES_OF_ROUTES: Record<Cell['routes'], readonly string[]> = {
  'no route': [],
  'one route': ['proxy'],
  'one silent route': ['proxy'],
  'two routes, one silent': ['proxy', 'dns'],
}

export interface Played {
  readonly wrong: readonly string[]
  readonly scene: Scene
}

export async function play(cell: Cell): Promise<Played> {
  const scene = sceneOf(cell)
  const regent = await scene.steady()
  const wrong: string[] = []
  const pairs = new Set<string>()
  scene.timeline.watch(() => {
    const open = takersOf(scene, cell)
    if (open.length > 1) pairs.add(open.join(' and '))
  })
  const clients = clientsOf(scene, cell)
  await scene.timeline.pass(200)
  if (cell.event.startsWith('alive')) burst(scene, cell, clients)
  const failedAt = scene.timeline.now
  const end = await happen(scene, regent, cell)
  for (const client of clients) client.stop()
  wrong.push(...(await leftWritable(scene, cell, end)))
  heal(scene)
  wrong.push(...(await restored(scene, regent)))
  const risks = risksOf(scene)
  const first = scene.promises.broken[0] ?? [...pairs].map((p) => `two servers take clients' writes: ${p}`)[0]
  if (first && !isExposureTold(scene, cell, risks)) wrong.push(first)
  wrong.push(...lossOf(scene, cell, { clients: [...clients, scene.writer], risks, failedAt }))
  for (const error of regent.broken) wrong.push(`broke out: ${String(error)}`)
  scene.writer.stop()
  return { wrong, scene }
}

function sceneOf(cell: Cell): Scene {
  const loss: LossPolicy = { kind: cell.loss }
  const fence: Policy['fence'] =
    cell.fence === 'auto' ? { kind: 'default' } : { kind: 'at_least', level: cell.fence satisfies ProofLevel }
  return new Scene({
    ...A_SCENE,
    flavour: cell.flavour,
    waitCount: cell.waitCount,
    routes: NAMES_OF_ROUTES[cell.routes],
    startsReadOnly: cell.starts === 'start read-only',
    writeEveryMs: 100,
    policy: { fence, loss, routesAreComplete: cell.complete === 'clients only by routes' },
  })
}

const goDirectly = (cell: Cell): boolean => cell.complete === 'clients also directly' || cell.routes === 'no route'

const clientsOf = ({ universe }: Scene, cell: Cell): Writer[] => [
  ...universe.routes.map((route) => new Writer(universe, route, 13)),
  ...(goDirectly(cell) ? [new Writer(universe, undefined, 9)] : []),
]

/** Servers that clients can write to now: by a route that leads there, by a session that is open, or directly where they go so. */
function takersOf({ universe }: Scene, cell: Cell): readonly string[] {
  return universe.servers
    .filter((s) => s.life === 'up' && s.access === 'writable')
    .filter(
      (s) =>
        goDirectly(cell) ||
        s.sessions.some((session) => session.open) ||
        universe.routes.some((r) => r.message?.kind === 'open' && universe.at(r.message.primary) === s),
    )
    .map((s) => s.name)
}

function silence({ universe }: Scene, cell: Cell): void {
  const [first, second] = universe.routes
  const silent =
    cell.routes === 'one silent route' ? first : cell.routes === 'two routes, one silent' ? second : undefined
  if (silent) silent.reachable = false
}

async function happen(scene: Scene, regent: RegentProcess, cell: Cell): Promise<RecoveryEnd | undefined> {
  const { universe, timeline } = scene
  silence(scene, cell)
  const decided = async (): Promise<boolean> =>
    timeline.run(
      () => universe.servers.some((s) => s.name !== 's1' && s.access === 'writable') || isRefused(regent),
      8000,
    )
  switch (cell.event) {
    case 'killed':
      universe.kill('s1')
      await decided()
      break
    case 'frozen, thawed 2 s after another opened':
      universe.freeze('s1')
      await decided()
      await timeline.pass(2000)
      universe.thaw('s1')
      break
    case 'alive, failover by a person':
    case 'alive, failover by a person, then killed and restarted':
    case 'alive, switchover by a person':
      return commanded(scene, regent, cell)
    case 'killed, restarted 50 ms after another opened':
      universe.kill('s1')
      await decided()
      await timeline.pass(50)
      universe.restart('s1')
      break
    case 'killed and restarted, routes cut meanwhile':
      for (const route of universe.routes) route.reachable = false
      universe.kill('s1')
      await timeline.pass(600)
      universe.restart('s1')
      await timeline.pass(2000)
      break
  }
  await timeline.pass(1000)
  return undefined
}

async function commanded(scene: Scene, regent: RegentProcess, { event }: Cell): Promise<RecoveryEnd | undefined> {
  const isSwitchover = event === 'alive, switchover by a person'
  const order = isSwitchover
    ? ({ verb: 'switchover', server: 's2:3306', yes: true } as const)
    : ({ verb: 'failover' } as const)
  const end = await given(scene, regent, order)
  if (!event.endsWith('restarted')) return end
  scene.universe.kill('s1')
  scene.universe.restart('s1')
  await scene.timeline.pass(2000)
  return end
}

const isRefused = (regent: RegentProcess): boolean => (regent.keeper.view()?.refusals.length ?? 0) > 0

/** From Regent's first change of s1 until it is closed clients come back as fast as they can, by every way: what is answered between two steps is seen. */
function burst(scene: Scene, cell: Cell, clients: Writer[]): void {
  const { universe, timeline } = scene
  let from: number | undefined
  let crowd: readonly Writer[] = []
  timeline.watch(() => {
    if (from === undefined && universe.effects.some((e) => e.server === 's1')) {
      from = timeline.now
      const ways = [...universe.routes, ...(goDirectly(cell) ? [undefined] : [])]
      crowd = ways.flatMap((way) => Array.from({ length: 4 }, (_, i) => new Writer(universe, way, 0.5 + i / 4)))
      clients.push(...crowd)
    }
    const isOver = universe.named('s1').access !== 'writable' || timeline.now > (from ?? timeline.now) + 500
    if (isOver) for (const client of crowd) client.stop()
  })
}

async function given(
  scene: Scene,
  regent: RegentProcess,
  order: Pick<Command, 'verb' | 'server' | 'yes'>,
): Promise<RecoveryEnd | undefined> {
  const ends: RecoveryEnd[] = []
  const failures: unknown[] = []
  void runCommand(regent.keeper, { ...order, reason: 'test', by: 'ann' }).then(
    (end) => ends.push(end),
    (error: unknown) => failures.push(error),
  )
  await scene.timeline.run(() => ends.length + failures.length > 0, 90_000)
  if (failures.length > 0) throw failures[0]
  await scene.timeline.pass(1000)
  return ends[0]
}

/** What a person's command ended with, and what it left: a living primary that was not replaced is written to by its clients. */
async function leftWritable(scene: Scene, { event }: Cell, end: RecoveryEnd | undefined): Promise<readonly string[]> {
  if (!event.includes('by a person')) return []
  if (end === undefined) return ['the command never ended']
  if (end.kind !== 'refused') return []
  const s1 = scene.universe.named('s1')
  const open = (): boolean => s1.access === 'writable'
  if (scene.reign()?.primary !== s1.id || event.endsWith('restarted')) return []
  if (await scene.timeline.run(open, 5000)) return []
  return [`refused (${end.reasons.map((r) => r.code).join()}), and the old primary stays closed`]
}

function heal({ universe }: Scene): void {
  for (const route of universe.routes) route.reachable = true
  for (const { name } of universe.servers) {
    universe.thaw(name)
    universe.restart(name)
  }
}

/** Writable by every way within a minute, or told why not and how. */
async function restored(scene: Scene, regent: RegentProcess): Promise<readonly string[]> {
  const whole = (): boolean =>
    !scene.openRecovery() &&
    scene.reign()?.state === 'open' &&
    scene.led() &&
    scene.primary()?.life === 'up' &&
    scene.primary()?.access === 'writable'
  const isWhole = await scene.timeline.run(whole, 60_000)
  if (isWhole && (await scene.writable(5000))) {
    await scene.timeline.pass(1500)
    return whole() ? [] : ['it was whole, and is not any more']
  }
  const refusals = regent.keeper.view()?.refusals ?? []
  if (refusals.some((r) => r.tryThis.includes('regent '))) return []
  return [
    `not writable after a minute, and no way out is told: ${refusals.map((r) => `${r.code} ${r.tryThis}`).join('; ')}`,
  ]
}

const risksOf = (scene: Scene): readonly Risk[] =>
  [...scene.durable.recoveries.values()].flatMap(({ plans }) => plans.flatMap((plan) => plan.risks))

/** A level that does not hold what only routes hold: named by the policy, or all that there is where clients have other ways. */
const isLessThanRoutes = (cell: Cell): boolean => ['readonly', 'stopped'].includes(cell.fence) || goDirectly(cell)

/** That the old primary may take writes beside the new one was named before; where only a start makes it writable, it was started. */
const isExposureTold = ({ universe }: Scene, cell: Cell, risks: readonly Risk[]): boolean =>
  risks.some(({ code }) => {
    if (code === 'not_fenced') return cell.fence === 'none'
    return code === 'may_start_writable' && isLessThanRoutes(cell) && universe.named('s1').startedAt > 0
  })

const OF_LOSS: readonly string[] = ['unproven_loss', 'acker_left_out', 'predecessor_ahead', 'opening_unknown']

interface Kept {
  readonly clients: readonly Writer[]
  readonly risks: readonly Risk[]
  readonly failedAt: number
}

function lossOf(scene: Scene, cell: Cell, { clients, risks, failedAt }: Kept): readonly string[] {
  const primary = scene.primary()
  const lost = clients.flatMap((c) => c.acknowledged).filter((a) => !primary?.has(a.transaction))
  if (lost.length === 0 || isExposureTold(scene, cell, risks)) return []
  const told = risks.filter(({ code }) => OF_LOSS.includes(code))
  const wrong: string[] = []
  if (told.length === 0) return [`${lost.length} acknowledged writes are lost, and nobody was told`]
  if (told.some((r) => r.seconds === undefined) && isLessThanRoutes(cell)) return []
  const bound = Math.max(...told.map((r) => r.seconds ?? 0))
  const late = lost.filter((a) => a.at > failedAt + 5).length
  const early = lost.filter((a) => a.at < failedAt - bound * 1000).length
  if (late > 0 && !cell.event.startsWith('alive'))
    wrong.push(`${late} writes acknowledged after the failure are lost, and only such before it were told`)
  if (early > 0) wrong.push(`${early} writes older than the ${bound} s that were told are lost`)
  return wrong
}

export function cellNamed(name: string): Cell {
  const found = CELLS.find((cell) => nameOf(cell) === name)
  if (!found) throw new Error(`there is no such combination: ${name}`)
  return found
}
