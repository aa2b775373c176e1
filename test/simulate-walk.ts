import {
  A_SCENE,
  type ModelServer,
  type RegentProcess,
  Scene,
  type SceneOptions,
  seededRandom,
} from '../src/lab/simulate/index.ts'
import { runCommand } from '../src/run/daemon/index.ts'

export type Move =
  | {
      readonly afterMs: number
      readonly what: 'kill' | 'restart' | 'freeze' | 'thaw' | 'switchover'
      readonly server: string
    }
  | { readonly afterMs: number; readonly what: 'cut'; readonly between: readonly [string, string] }
  | {
      readonly afterMs: number
      readonly what: 'heal' | 'kill Regent' | 'freeze Regent' | 'thaw Regent' | 'start Regent'
    }

/** A history: where it begins, and what the adversary does. A pure function of its seed, so a seed is enough to tell it. */
export interface Walk {
  readonly options: Partial<SceneOptions>
  readonly moves: readonly Move[]
}

const KINDS: readonly Move['what'][] = [
  ...(['kill', 'kill', 'kill', 'restart', 'restart', 'freeze', 'freeze', 'thaw', 'switchover'] as const),
  ...(['cut', 'heal', 'kill Regent', 'kill Regent', 'freeze Regent', 'thaw Regent', 'start Regent'] as const),
]
/** Mostly while something is under way: a failover is over within a tenth of a second. */
const GAPS_MS = [3, 30, 300, 3000, 7000]

export function walkOf(seed: number): Walk {
  const random = seededRandom(seed)
  const below = (n: number): number => Math.floor(random.next() * n)
  const one = <T>(from: readonly [T, ...T[]]): T => from[below(from.length)] ?? from[0]
  const servers = 2 + below(3)
  const names = Array.from({ length: servers }, (_, i) => `s${i + 1}`)
  const name = (): string => names[below(names.length)] ?? 's1'
  const options = {
    ...{ flavour: one<'mysql' | 'mariadb'>(['mysql', 'mariadb']), servers, startsReadOnly: random.next() < 0.7 },
    ...{ waitCount: Math.min(servers - 1, below(3)), writeEveryMs: one([20, 90]) },
  }
  const moves = Array.from({ length: 2 + below(6) }, (): Move => {
    const afterMs = random.next() * one([3, ...GAPS_MS])
    const what = KINDS[below(KINDS.length)] ?? 'kill'
    if (what === 'cut') return { afterMs, what, between: [one(['regent', 'clients', name()]), name()] }
    if (what === 'heal' || what.endsWith('Regent')) return { afterMs, what } as Move
    return { afterMs, what, server: name() } as Move
  })
  return { options, moves }
}

/** Plays it, brings everything back, waits, and says what was wrong. */
export async function walk({
  options,
  moves,
}: Walk): Promise<{ readonly wrong: readonly string[]; readonly scene: Scene }> {
  const scene = new Scene({ ...A_SCENE, ...options })
  await scene.steady()
  for (const move of moves) {
    await scene.timeline.pass(move.afterMs)
    make(scene, move)
  }
  await scene.timeline.pass(2000)
  bringBack(scene)
  await scene.timeline.run(() => settled(scene), 60_000)
  await scene.timeline.pass(3000)
  return { wrong: await wrongWith(scene), scene }
}

const awake = (scene: Scene): readonly RegentProcess[] => scene.processes.filter((p) => !p.life.dead && !p.life.frozen)

function make(scene: Scene, move: Move): void {
  const { universe } = scene
  const [regent] = awake(scene)
  switch (move.what) {
    case 'cut':
      if (move.between[0] !== move.between[1]) universe.cutLink(...move.between)
      return
    case 'heal':
      universe.heal()
      return
    case 'kill Regent':
      regent?.life.kill('sent')
      startAfter(scene, 400)
      return
    case 'freeze Regent':
      regent?.life.freeze()
      return
    case 'thaw Regent':
      for (const { life } of scene.processes) life.thaw()
      return
    case 'start Regent':
      startAfter(scene, 1)
      return
    case 'switchover':
      if (regent?.state === 'started' && scene.reign())
        void runCommand(regent.keeper, {
          ...{ verb: 'switchover', server: `${move.server}:3306`, reason: 'test', by: 'ann' },
        }).catch(() => undefined)
      return
    default:
      universe[move.what](move.server)
  }
}

/** Tried until it holds the lease, as a supervisor does. */
function startAfter(scene: Scene, ms: number): void {
  scene.timeline.after(ms, () => {
    const process = scene.launch()
    scene.timeline.after(500, () => {
      if (process.state === 'refused' && awake(scene).length === 0) startAfter(scene, 1)
    })
  })
}

function bringBack(scene: Scene): void {
  const { universe, processes } = scene
  universe.heal()
  for (const { name } of universe.servers) {
    universe.thaw(name)
    universe.restart(name)
  }
  for (const { life } of processes) life.thaw()
  if (awake(scene).length === 0) startAfter(scene, 1)
}

/**
 * The primary of the reign takes writes, every route leads to it, no recovery is open, and everybody follows it; but for whom a person has
 * to decide about, and was told: a former primary with transactions that the present reign never had stays closed and apart.
 */
function settled(scene: Scene): boolean {
  const primary = scene.primary()
  if (scene.openRecovery() || scene.reign()?.state !== 'open' || !scene.led()) return false
  if (primary?.life !== 'up' || primary.access !== 'writable') return waitsForPerson(scene)
  return scene.universe.servers.every((s) => s === primary || follows(scene, s, primary) || isErrant(s, primary))
}

/** Over others as well: a repointing that could not be taken back is told, and leaves a chain. */
function follows(scene: Scene, server: ModelServer, primary: ModelServer): boolean {
  let at: ModelServer | undefined = server
  for (let hops = 0; at !== undefined && hops < scene.universe.servers.length; hops++) {
    if (at === primary) return true
    const { channel }: ModelServer = at
    at =
      channel?.receiver === 'running' && channel.applier === 'running' ? scene.universe.at(channel.source) : undefined
  }
  return false
}

const isErrant = (server: ModelServer, primary: ModelServer): boolean =>
  server.access !== 'writable' && server.binlog.some((t) => !primary.has(t))

/** Replicas that start writable keep a switchover that is taken back from opening the old primary again: said, and left to a person. */
const waitsForPerson = (scene: Scene): boolean =>
  !scene.options.startsReadOnly &&
  awake(scene).some((p) => p.keeper.view()?.diagnosis.primary.remedy === 'tell') &&
  scene.universe.servers.some((s) => s !== scene.primary() && s.access === 'writable')

/** Losses that were told before they were risked. */
const told = (scene: Scene): boolean =>
  [...scene.durable.recoveries.values()].some((r) =>
    r.plans.some((p) => p.risks.some((risk) => ['unproven_loss', 'acker_left_out'].includes(risk.code))),
  )

async function wrongWith(scene: Scene): Promise<readonly string[]> {
  const wrong = [...scene.promises.broken]
  for (const process of scene.processes) for (const error of process.broken) wrong.push(`broke out: ${String(error)}`)
  const primary = scene.primary()
  const lost = primary ? scene.lostOn(primary) : 0
  if (lost > 0 && !told(scene)) wrong.push(`${lost} acknowledged transactions are lost, and nobody was told`)
  if (!settled(scene)) wrong.push('it never came to rest')
  return wrong
}
