/** MariaDB's positions as the questions of a change need them. Comparing whole histories is the model's. */
import { greater, type Sequence, sequenceOfDigits } from '../../model/gtid/sequence.ts'

interface Gtid {
  readonly domain: string
  readonly server: string
  readonly seq: Sequence
}

function gtids(list: string): readonly Gtid[] {
  return [...list.matchAll(/(\d+)-(\d+)-(\d+)/g)].map(([, domain = '', server = '', digits = '']) => ({
    domain,
    server,
    seq: sequenceOfDigits(digits),
  }))
}

/**
 * Whether position `a` stands at or after `b` in every domain of `b`. Only for positions of one server and its present
 * source: it compares numbers and would take siblings for ancestors.
 */
export function covers(a: string, b: string): boolean {
  const known = gtids(a)
  return gtids(b).every(({ domain, seq }) => known.some((own) => own.domain === domain && own.seq >= seq))
}

/** Whether a binlog state (per domain and server the last number) has each of these: same domain, same server, not earlier. */
export function handsOnGtids(state: string, part: string): boolean {
  const known = gtids(state)
  return gtids(part).every((gtid) =>
    known.some((own) => own.domain === gtid.domain && own.server === gtid.server && own.seq >= gtid.seq),
  )
}

/** Of position `whole` what is in domains that `known` names. */
export function inDomainsOf(whole: string, known: string): string {
  const domains = new Set(gtids(known).map(({ domain }) => domain))
  return print(gtids(whole).filter(({ domain }) => domains.has(domain)))
}

/** Per domain the one that stands furthest. */
export function joinedPosition(positions: readonly string[]): string {
  const furthest = new Map<string, Gtid>()
  for (const gtid of positions.flatMap(gtids)) {
    const known = furthest.get(gtid.domain)
    if (known === undefined || (greater(known.seq, gtid.seq) === gtid.seq && known.seq !== gtid.seq)) {
      furthest.set(gtid.domain, gtid)
    }
  }
  return print([...furthest.values()])
}

const print = (list: readonly Gtid[]): string =>
  list.map(({ domain, server, seq }) => `${domain}-${server}-${seq}`).join(',')
