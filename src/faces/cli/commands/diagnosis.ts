import type { WhyNot } from '../../../model/diagnosis.ts'
import type { ClusterJson, ExplainJson } from '../../api/contract.ts'
import type { Context } from '../context.ts'
import { type Namer, namer, namesOf } from '../names.ts'
import { type Column, table, tsv } from '../table.ts'

interface FindingRow {
  readonly cluster: string
  readonly server: string
  readonly finding: string
  readonly because: string
  readonly tryThis?: string
}

const COLUMNS: readonly Column<FindingRow>[] = [
  { title: 'cluster', cell: (r) => r.cluster },
  { title: 'server', cell: (r) => r.server },
  { title: 'finding', cell: (r) => r.finding },
  { title: 'because', cell: (r) => r.because },
]

export function showDiagnosis(context: Context, clusters: readonly ClusterJson[]): void {
  const rows = clusters.flatMap((c) => [verdictOf(c), ...findingsOf(c), ...openOf(c), ...routesOf(c), ...refusalsOf(c)])
  const wrong = rows.filter((r) => r.finding !== 'healthy')
  const value = clusters.map((c) => ({
    alias: c.alias,
    verdict: c.verdict,
    row: c.row,
    remedy: c.remedy,
    because: c.because,
    ...(c.primary === undefined ? {} : { primary: c.primary }),
    findings: findingsOf(c).map(({ cluster: _, ...finding }) => finding),
    refusals: c.refusals,
  }))
  const advice = [...new Set(wrong.flatMap((r) => (r.tryThis === undefined ? [] : [`${r.server}: ${r.tryThis}`])))]
  context.emit(value.length === 1 ? value[0] : value, {
    table: () =>
      [
        table(rows, COLUMNS, context.paint),
        ...(advice.length > 0 ? ['', 'Try', ...advice.map((a) => `  ${a}`)] : []),
      ].join('\n'),
    tsv: () => tsv(rows, COLUMNS),
    names: () => [...new Set(wrong.map((r) => r.server).filter((name) => name !== ''))],
  })
  context.exitCode = wrong.length > 0 ? 1 : 0
}

const verdictOf = ({ alias, primary, verdict, because }: ClusterJson): FindingRow => ({
  cluster: alias,
  server: primary ?? '',
  finding: verdict,
  because,
})

/** A server that does not serve us is one finding, with the words of the look that failed. */
function findingsOf({ alias, servers }: ClusterJson): readonly FindingRow[] {
  return servers.flatMap((s): readonly FindingRow[] => {
    const about = { cluster: alias, server: s.address }
    const others = s.findings.filter((f) => !s.why || f.finding !== 'unreachable').map((f) => ({ ...about, ...f }))
    if (!s.why) return others
    return [{ ...about, finding: s.look, because: s.why.says, tryThis: s.why.tryThis }, ...others]
  })
}

function openOf({ alias, primary, openRecovery }: ClusterJson): readonly FindingRow[] {
  if (openRecovery === undefined) return []
  return [
    {
      cluster: alias,
      server: primary ?? '',
      finding: 'recovery_open',
      because: `recovery ${openRecovery} was begun and is not finished`,
      tryThis: `regent history ${openRecovery}; a regent watch, or the next change here, finishes it or takes it back`,
    },
  ]
}

/** A healthy primary that no client reaches is not health. */
function routesOf({ alias, primary, routes }: ClusterJson): readonly FindingRow[] {
  const astray = routes.filter((r) => r.primary !== primary && !r.why?.startsWith('no read command'))
  return astray.map(({ name, state, primary: leads, why }) => ({
    cluster: alias,
    server: primary ?? '',
    finding: 'route_astray',
    because: `route ${name}: ${leads === undefined ? state : `leads to ${leads}`}${why === undefined ? '' : `: ${why}`}`,
    tryThis: `regent proxy status ${alias}`,
  }))
}

function refusalsOf(shown: ClusterJson): readonly FindingRow[] {
  const { alias, primary, refusals } = shown
  const named = namer(namesOf(shown))
  return refusals.map((r) => ({
    cluster: alias,
    server: primary ?? '',
    finding: `refused: ${r.code}`,
    because: named(r.says),
    tryThis: named(r.tryThis),
  }))
}

export interface Explaining {
  /** Every other verdict, however far from the facts. */
  readonly all: boolean
  readonly named: Namer
}

export function explain(context: Context, told: ExplainJson, { all, named }: Explaining): void {
  context.emit(told, {
    table: () => named(explanation(context, told, all)),
    names: () => [told.diagnosis.primary.verdict],
  })
}

/** Verdicts that one more fact would have made, or that held and were overruled: the others only fill the screen. */
const isNear = ({ missing, beatenBy }: WhyNot): boolean => beatenBy !== undefined || missing.length === 1

function explanation(context: Context, { alias, diagnosis, whyNot }: ExplainJson, all: boolean): string {
  const { primary, replicas } = diagnosis
  const evidence = primary.evidence.map(
    (e) => `  ${e.fact} = ${context.paint('bold', e.value)}${e.readings.map((r) => `\n      ${r}`).join('')}`,
  )
  const shown = all ? whyNot : whyNot.filter(isNear)
  const others = shown.map((w) => {
    const missing = w.missing.map((m) => `${m.fact} is ${m.is}, it would have to be ${m.needs.join(' or ')}`).join('; ')
    return `  ${w.verdict} (${w.row}): ${w.beatenBy ? `overruled by ${w.beatenBy}` : missing}`
  })
  const left = whyNot.length - shown.length
  return [
    `${alias}: ${context.paint('bold', primary.verdict)} (row ${primary.row}), remedy: ${primary.remedy}`,
    `because ${primary.because}`,
    '',
    'Evidence',
    ...evidence,
    ...(replicas.length > 0 ? ['', 'Findings', ...replicas.map((r) => `  ${r.finding}: ${r.because}`)] : []),
    '',
    'Why nothing else',
    ...others,
    ...(left > 0 ? [context.paint('dim', `  and ${left} that are further from the facts: --all`)] : []),
  ].join('\n')
}
