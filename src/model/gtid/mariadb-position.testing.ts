import type { BinlogState, Position } from './mariadb-position.ts'

/** `gtid_binlog_pos` as a binlog state implies it: the newest of each domain. For comparison with what the server itself says. */
export const binlogPosition = (state: BinlogState): Position => ({ gtids: state.domains.map(({ last }) => last) })
