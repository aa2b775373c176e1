/**
 * What `regent watch` costs while nothing happens: one primary, three replicas, a client that writes every 100 ms. Says which
 * row missed which limit (`limits.ts`), and ends with 1 then.
 *
 * `node bench/watch.ts [--minutes 5] [--settle 2] [--server both|mariadb|mysql]`
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { RowDataPacket } from 'mysql2/promise'
import { type Flavour, residentMb } from '../src/lab/sandbox/index.ts'
import { keepResults, printTable, round } from './figures.ts'
import { missedInWatch, tellMissed } from './limits.ts'
import { Stage } from './stage.ts'
import { Writing } from './writing.ts'

interface Row {
  readonly server: Flavour
  readonly seconds: number
  /** Of one core. */
  readonly cpuPercent: number
  readonly rssMb: { readonly atStart: number; readonly atEnd: number }
  /** Per server and second. A look is one packet, and asks for the status of replication exactly once. */
  readonly looksPerSecond: number
  readonly statementsPerSecond: number
}

interface Count {
  readonly looks: number
  readonly statements: number
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    settle: { type: 'string', default: '2' },
    server: { type: 'string', default: 'both' },
  },
})
const servers: readonly Flavour[] = (['mariadb', 'mysql'] as const).filter((f) => [f, 'both'].includes(values.server))
const measureMs = Number(values.minutes) * 60_000
const settleMs = Number(values.settle) * 60_000

/** `/proc/<pid>/stat` counts processor time in hundredths of a second on every Linux that Node runs on. */
const TICK_MS = 10
/** What reading the counters adds to them itself. */
const OWN_STATEMENTS = 1

async function measure(server: Flavour): Promise<Row> {
  await using stage = await Stage.set({ server })
  await using writing = new Writing()
  await writing.start(stage.proxy, 'steady', 100)
  await sleep(settleMs)
  const from = { at: performance.now(), cpu: await cpuMs(stage.watchPid), rss: await residentMb(stage.watchPid) }
  const before = await Promise.all(replicasOf(stage).map((id) => count(stage, id)))
  await sleep(measureMs)
  const seconds = (performance.now() - from.at) / 1000
  const cpu = (await cpuMs(stage.watchPid)) - from.cpu
  const after = await Promise.all(replicasOf(stage).map((id) => count(stage, id)))
  const perSecond = (of: keyof Count, own: number): number => {
    const deltas = after.map((now, i) => now[of] - (before[i]?.[of] ?? 0) - own)
    return round(deltas.reduce((sum, delta) => sum + delta, 0) / deltas.length / seconds)
  }
  return {
    server,
    seconds: round(seconds),
    cpuPercent: round(cpu / seconds / 10),
    rssMb: { atStart: from.rss, atEnd: await residentMb(stage.watchPid) },
    looksPerSecond: perSecond('looks', 0),
    statementsPerSecond: perSecond('statements', OWN_STATEMENTS),
  }
}

/** Replicas only: the writer's own statements are counted at the primary. */
const replicasOf = (stage: Stage): readonly string[] =>
  stage.sandbox.servers.map(({ id }) => id).filter((id) => id !== 's1')

async function count(stage: Stage, id: string): Promise<Count> {
  const connection = await stage.sandbox.sql(id)
  try {
    const names = "'Questions', 'Com_show_slave_status', 'Com_show_replica_status'"
    const sql = `SHOW GLOBAL STATUS WHERE Variable_name IN (${names})`
    const [rows] = await connection.query<RowDataPacket[]>(sql)
    const counts = rows.map((row) => ({ name: String(row['Variable_name']), value: Number(row['Value']) }))
    const sum = (which: (name: string) => boolean): number =>
      counts.filter(({ name }) => which(name)).reduce((total, { value }) => total + value, 0)
    return { statements: sum((name) => name === 'Questions'), looks: sum((name) => name.startsWith('Com_')) }
  } finally {
    connection.destroy()
  }
}

async function cpuMs(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

const rows: Row[] = []
for (const server of servers) rows.push(await measure(server))
printTable(
  ['server', 'seconds', 'CPU % of a core', 'RSS MB', 'at the end', 'looks /s and server', 'statements /s and server'],
  rows.map((r) => [
    r.server,
    r.seconds,
    r.cpuPercent,
    r.rssMb.atStart,
    r.rssMb.atEnd,
    r.looksPerSecond,
    r.statementsPerSecond,
  ]),
)
await keepResults('watch', rows)
tellMissed(rows.flatMap(missedInWatch))
