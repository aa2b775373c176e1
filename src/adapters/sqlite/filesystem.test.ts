import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { demandLocal, sharedFileSystem } from './filesystem.ts'

test('file systems that several machines mount are known by their numbers, local ones pass', () => {
  expect([0x6969, 0xff534d42, 0x00c36400].map(sharedFileSystem)).toEqual(['NFS', 'CIFS', 'Ceph'])
  const ext4 = 0xef53
  const tmpfs = 0x01021994
  expect([ext4, tmpfs].map(sharedFileSystem)).toEqual([undefined, undefined])
  expect(() => demandLocal(tmpdir())).not.toThrow()
})
