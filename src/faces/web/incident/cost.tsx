import type { RecoveryJson } from '../../api/contract.ts'
import { useStore } from '../store.ts'
import { ms, named } from '../words.ts'

/** What it cost, in a few numbers. */
export function Cost({ recovery }: { readonly recovery: RecoveryJson }) {
  const felt = useStore((s) => s.felt.get(recovery.id))
  const { steps, startedAt, endedAt, lost, plans, names, kind } = recovery
  const endOf = (step: string): number | undefined => {
    const found = steps.find((s) => s.key.startsWith(`2/${step}`) && s.state === 'done')
    return found?.startedAt === undefined ? undefined : found.startedAt + (found.tookMs ?? 0)
  }
  const opened = endOf('open')
  const led = endOf('announce')
  const mints = plans.find((p) => p.mints)?.mints
  const loss = lost ?? (MOVES_WRITES.has(kind) ? plans.at(-1)?.because : undefined)
  return (
    <dl className="cost">
      {mints && <Figure label="new primary" value={names[mints.winner] ?? mints.winner} />}
      {opened !== undefined && <Figure label="writable again after" value={ms(opened - startedAt)} />}
      {led !== undefined && <Figure label="clients led there after" value={ms(led - startedAt)} />}
      {endedAt !== undefined && <Figure label="all in order after" value={ms(endedAt - startedAt)} />}
      {felt !== undefined && <Figure label="felt by the writer" value={ms(felt)} />}
      {loss !== undefined && loss !== '' && <Figure label="loss" value={named(loss, names)} long />}
    </dl>
  )
}

const MOVES_WRITES: ReadonlySet<string> = new Set(['failover', 'switchover'])

const Figure = ({
  label,
  value,
  long = false,
}: {
  readonly label: string
  readonly value: string
  readonly long?: boolean
}) => (
  <div className={long ? 'long' : ''}>
    <dt>{label}</dt>
    <dd>{value}</dd>
  </div>
)
