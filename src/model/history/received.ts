/**
 * What a MariaDB channel's relay log still holds, from what its status shows. `Gtid_IO_Pos` alone does not tell: a
 * stopped channel goes on showing it after `CHANGE MASTER` has dropped the relay log, after `gtid_slave_pos` was set by
 * hand, and with `Using_Gtid: No` it never moves at all. Counting it there would claim transactions that nobody has.
 */
import { EMPTY_POSITION, type Position } from '../gtid/mariadb-position.ts'
import type { ReceivedPosition } from './kinds.ts'

/** Of `SHOW ALL SLAVES STATUS`, one row. Offsets in bytes. */
export interface ChannelReading {
  readonly usesGtid: boolean
  /** `Slave_IO_Running` is Yes or Connecting. */
  readonly receiverRuns: boolean
  /** `Gtid_IO_Pos`. */
  readonly gtidIoPos: Position
  /** `Master_Log_File`, `Read_Master_Log_Pos`. */
  readonly read: BinlogPlace
  /** `Relay_Master_Log_File`, `Exec_Master_Log_Pos`. */
  readonly executed: BinlogPlace
}

export interface BinlogPlace {
  readonly file: string
  readonly offset: number
}

export function receivedOf(channel: ChannelReading): ReceivedPosition {
  const nothingLeft = channel.read.file === channel.executed.file && channel.read.offset <= channel.executed.offset
  const forgotten = channel.read.file === ''
  if (!channel.receiverRuns && (nothingLeft || forgotten)) return EMPTY_POSITION
  if (!channel.usesGtid) return nothingLeft ? EMPTY_POSITION : 'untracked'
  return channel.gtidIoPos
}
