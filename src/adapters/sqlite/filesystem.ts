import { statfsSync } from 'node:fs'
import { ProblemError, problem } from '../../model/problem.ts'

/** statfs(2) f_type of file systems that several machines can mount at once. */
const SHARED: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x00c36400, 'Ceph'],
])

export const sharedFileSystem = (type: number): string | undefined => SHARED.get(type)

/**
 * Two machines on one file would each take the other's boot for a past one, and its lease at once; and WAL needs shared memory, which
 * they do not have. So such a directory is refused rather than used.
 */
export function demandLocal(dir: string): void {
  const name = sharedFileSystem(statfsSync(dir).type)
  if (name === undefined) return
  const what = `the store must be on a local file system, this one is ${name}`
  const fix = 'name a local directory for the store; several Regent nodes share etcd, not a file'
  throw new ProblemError(problem('config_wrong', { path: dir, what, fix }))
}
