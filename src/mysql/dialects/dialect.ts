import type { Version } from '../../model/version.ts'
import type { Reader } from '../reader.ts'
import type { ChangeSide } from './changes.ts'

/** One flavour of server, complete: how it is read and how it is changed. Callers ask `can`, never a version. */
export interface Dialect {
  readonly name: string
  readonly covers: (version: Version) => boolean
  /** Beginnings of the versions (`9.7`) on which this project's tests really ran. For others automatic recovery stays off by default. */
  readonly proven: readonly string[]
  readonly can: Abilities
  readonly read: ReadSide
  readonly change: ChangeSide
}

export interface Abilities {
  /** A second read-only that binds privileged accounts too. */
  readonly superReadOnly: boolean
  /** GTIDs are sets: containment can always be proven. */
  readonly gtidSets: boolean
  /** A channel's source can be changed with its relay log kept and its applier running. */
  readonly keepRelayLog: boolean
  /** How many acknowledgements a commit waits for can be chosen. */
  readonly waitCount: boolean
  /** KILL of a commit that waits for an acknowledgement frees it. */
  readonly killFreesWaitingCommit: boolean
}

export interface ReadSide {
  /** A reader for one standing connection. */
  readonly newReader: () => Reader
}
