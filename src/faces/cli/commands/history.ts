import type { Command } from 'commander'
import { ProblemError, problem } from '../../../model/problem.ts'
import type { RecoveryJson } from '../../api/contract.ts'
import type { Context } from '../context.ts'
import { namer } from '../names.ts'
import { type Column, table, tsv } from '../table.ts'

const COLUMNS: readonly Column<RecoveryJson>[] = [
  { title: 'recovery', cell: (r) => r.id },
  { title: 'kind', cell: (r) => r.kind },
  { title: 'of', cell: (r) => r.names[r.subject] ?? r.subject },
  { title: 'state', cell: (r) => r.state },
  { title: 'by', cell: (r) => (r.automatic ? 'Regent' : 'a person') },
  { title: 'started', cell: (r) => new Date(r.startedAt).toISOString() },
  {
    title: 'took',
    cell: (r) => (r.endedAt === undefined ? '' : `${((r.endedAt - r.startedAt) / 1000).toFixed(1)} s`),
    align: 'right',
  },
  { title: 'because', cell: (r) => r.because },
]

export async function history(
  context: Context,
  [id]: readonly (string | undefined)[],
  command: Command,
): Promise<void> {
  const { cluster, limit }: { cluster?: string; limit: string } = command.opts()
  const count = Number(limit)
  if (!Number.isInteger(count) || count < 1 || count > 200)
    throw new ProblemError(problem('usage', { what: `-n ${limit} is no count`, fix: 'write a number from 1 to 200' }))
  await context.withClient(false, (client) =>
    context.repeatedly(async () => {
      if (id !== undefined) return showRecovery(context, await client.recovery(id))
      const names = cluster === undefined ? (await client.clusters()).map((c) => c.alias) : [cluster]
      showRecoveries(context, (await Promise.all(names.map((name) => client.history(name, count)))).flat())
    }),
  )
}

const showRecovery = (context: Context, record: RecoveryJson): void =>
  context.emit(record, { table: () => recoveryText(context, record), names: () => [record.id] })

function showRecoveries(context: Context, records: readonly RecoveryJson[]): void {
  const newestFirst = records.toSorted((a, b) => b.startedAt - a.startedAt)
  context.emit(newestFirst, {
    table: () => (newestFirst.length === 0 ? 'no recovery yet' : table(newestFirst, COLUMNS, context.paint)),
    tsv: () => tsv(newestFirst, COLUMNS),
    names: () => newestFirst.map((r) => r.id),
  })
}

function recoveryText(context: Context, record: RecoveryJson): string {
  const started = new Date(record.startedAt).toISOString()
  const named = namer(record.names)
  const steps = record.steps.map(
    (s) =>
      `  ${s.startedAt === undefined ? '      ' : `+${String(s.startedAt - record.startedAt).padStart(4)}`} ms  ${s.line}: ${s.state}${s.tookMs === undefined ? '' : ` (${s.tookMs.toFixed(1)} ms)`}${s.says && s.state !== 'done' ? ` ${s.says}` : ''}`,
  )
  const risks = record.plans.flatMap((p) => p.risks.map((r) => `  risk: ${r.says}`))
  const refusals = record.refusals.map((r) => `  refused: ${r.says}\n      try: ${r.tryThis}`)
  const events = record.events.map((e) => `  ${e.says}`)
  const head = `${context.paint('bold', record.id)} ${record.kind} of ${record.names[record.subject] ?? record.subject}: ${record.state}, ${started}`
  const text = [
    head,
    `because ${record.because}`,
    ...record.plans.map((p) => `act ${p.act}: ${p.because}`),
    ...risks,
    'Steps',
    ...steps,
    ...refusals,
    ...events,
  ].join('\n')
  return named(text)
}
