/**
 * MariaDB's GTIDs (`domain-server-sequence`), positions (one GTID per domain) and binlog states (per domain the last
 * GTID of each server that ever wrote it). None of them is a set; what they prove is the matter of `history/`.
 */
import { demand, type Parsed, parsed, unreadable } from './parsed.ts'
import { MARIADB_MAX_SEQUENCE, type Sequence, sequenceOfDigits } from './sequence.ts'

export interface MariadbGtid {
  readonly domain: number
  readonly server: number
  readonly seq: Sequence
}

/** `gtid_slave_pos`, `gtid_binlog_pos`, `Gtid_IO_Pos`: at most one GTID per domain, sorted by domain. */
export interface Position {
  readonly gtids: readonly MariadbGtid[]
}

/** `gtid_binlog_state`: domains sorted; in each, one GTID per server, sorted by server, and the one written last. */
export interface BinlogState {
  readonly domains: readonly DomainState[]
}

export interface DomainState {
  readonly domain: number
  readonly gtids: readonly MariadbGtid[]
  /** The newest of this domain in the binlog (`gtid_binlog_pos`). The server lists it last. */
  readonly last: MariadbGtid
}

export const EMPTY_POSITION: Position = { gtids: [] }

const MAX_ID = 4_294_967_295
const GTID = /\s*(\d+)-(\d+)-(\d+)\s*/y

/** Reads a position. Two GTIDs of one domain are an error: that would be a state. */
export function parsePosition(text: string): Parsed<Position> {
  const list = parseList(text)
  if (!list.ok) return list
  const domains = new Set(list.value.map((gtid) => gtid.domain))
  if (domains.size < list.value.length) return unreadable(0, 'a position names each domain once')
  return parsed({ gtids: [...list.value].sort((a, b) => a.domain - b.domain) })
}

/** Reads `@@gtid_binlog_state`, whose order matters: the last GTID listed of a domain is the newest. */
export function parseBinlogState(text: string): Parsed<BinlogState> {
  const list = parseList(text)
  if (!list.ok) return list
  const byDomain = new Map<number, MariadbGtid[]>()
  for (const gtid of list.value) {
    const known = byDomain.get(gtid.domain) ?? []
    if (known.some((other) => other.server === gtid.server)) {
      return unreadable(0, `a state names each server of a domain once: ${gtid.domain}-${gtid.server}`)
    }
    byDomain.set(gtid.domain, [...known, gtid])
  }
  const domains: DomainState[] = []
  for (const [domain, gtids] of byDomain) {
    const last = gtids[gtids.length - 1]
    if (last !== undefined) domains.push({ domain, gtids: gtids.sort((a, b) => a.server - b.server), last })
  }
  return parsed({ domains: domains.sort((a, b) => a.domain - b.domain) })
}

/** For values that stand in the program itself; both throw SyntaxError where the text cannot be read. */
export function position(text: string): Position {
  return demand(parsePosition(text), text)
}

export function binlogState(text: string): BinlogState {
  return demand(parseBinlogState(text), text)
}

export function printGtid({ domain, server, seq }: MariadbGtid): string {
  return `${domain}-${server}-${seq}`
}

export function printPosition(value: Position): string {
  return value.gtids.map(printGtid).join(',')
}

/** As the server writes it, so that it reads back to the same value: a domain's newest comes last. */
export function printBinlogState(state: BinlogState): string {
  return state.domains
    .flatMap(({ gtids, last }) => [...gtids.filter((gtid) => gtid.server !== last.server), last])
    .map(printGtid)
    .join(',')
}

export function inDomain(value: Position, domain: number): MariadbGtid | undefined {
  return value.gtids.find((gtid) => gtid.domain === domain)
}

export function stateOfDomain(state: BinlogState, domain: number): DomainState | undefined {
  return state.domains.find((known) => known.domain === domain)
}

export function sameGtid(a: MariadbGtid, b: MariadbGtid): boolean {
  return a.domain === b.domain && a.server === b.server && a.seq === b.seq
}

function parseList(text: string): Parsed<readonly MariadbGtid[]> {
  const gtids: MariadbGtid[] = []
  let at = 0
  while (text.slice(at).trim() !== '') {
    GTID.lastIndex = at
    const found = GTID.exec(text)
    if (found === null) return unreadable(at, 'a GTID such as 0-1-100 is expected')
    const gtid = { domain: Number(found[1]), server: Number(found[2]), seq: sequenceOfDigits(found[3] ?? '') }
    if (gtid.domain > MAX_ID || gtid.server > MAX_ID) return unreadable(at, 'domain and server go up to 4294967295')
    if (gtid.seq > MARIADB_MAX_SEQUENCE) return unreadable(at, 'the highest number is 2^64-1')
    gtids.push(gtid)
    at = GTID.lastIndex
    if (at < text.length && text[at] !== ',') return unreadable(at, '"," is expected between GTIDs')
    if (text[at] === ',' && text.slice(at + 1).trim() === '') return unreadable(at + 1, 'a GTID is expected after ","')
    at += 1
  }
  return parsed(gtids)
}
