import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readFromDisk } from './files.ts'
import { load, MINIMAL, right, told } from './fixture.testing.ts'
import { readClientSection } from './mycnf.ts'

const from = (source: string) => MINIMAL.replace('user: regent, password: m', source)

describe('an account', () => {
  it.each([
    [
      'defaults_file: my.cnf',
      '[mysqld]\nuser=mysql\n[client]\nuser = u\npassword="p#1" # ours\n',
      { user: 'u', password: 'p#1' },
    ],
    ['user: own, defaults_file: my.cnf', '[client]\nuser=u\npassword=p', { user: 'own', password: 'p' }],
    ['user: u, password_file: my.cnf', 'p w\n', { user: 'u', password: 'p w' }],
  ])('%s', async (source, text, account) => {
    expect(right(await load(from(source), {}, { '/etc/regent/my.cnf': text })).config.clusters[0]?.monitor).toEqual(
      account,
    )
  })

  it.each([
    ['defaults_file: f', '[client]\nuser=u', 'has no password in its section [client]'],
    ['defaults_file: f', '[mysql]\nuser=u\npassword=p', 'has no user in its section [client]'],
    ['user: u, password_file: f', '\n', 'is empty'],
    ['user: u, password_file: f', 'a\nb\n', 'has more than one line'],
  ])('%s with %j is an error', async (source, text, expected) => {
    expect(told(await load(from(source), {}, { '/etc/regent/f': text })).join('\n')).toContain(expected)
  })

  it('may name a file of the home directory', async () => {
    const loaded = await load(
      from('defaults_file: ~/.my.cnf'),
      { HOME: '/home/op' },
      { '/home/op/.my.cnf': '[client]\nuser=u\npassword=p' },
    )
    expect(right(loaded).config.clusters[0]?.monitor.user).toBe('u')
  })
})

describe('a secret that everybody on the machine can read is warned of', () => {
  it('in a file of its own', async () => {
    const loaded = await load(
      from('user: u, password_file: f'),
      {},
      { '/etc/regent/f': { text: 'p', worldReadable: true } },
    )
    expect(right(loaded).warnings).toEqual([
      '/etc/regent/regent.yaml:5:42: everybody on this machine can read /etc/regent/f; chmod o-rwx /etc/regent/f',
    ])
  })

  it('in the configuration itself, unless it only names a variable', async () => {
    expect(right(await load({ text: MINIMAL, worldReadable: true })).warnings.join()).toContain(
      'can read /etc/regent/regent.yaml',
    )
    const named = MINIMAL.replace('password: m', 'password: "$' + '{A}"').replace(
      'password: r',
      'password: "$' + '{B}"',
    )
    expect(right(await load({ text: named, worldReadable: true }, { A: 'a', B: 'b' })).warnings).toEqual([])
  })
})

describe('the [client] section', () => {
  it.each([
    ['user=u', 'u'],
    ['user = "a b"', 'a b'],
    ["user='it\\'s'", "it's"],
    ['user=a\\sb', 'a b'],
    ['user=a#b', 'a#b'],
    ['user=a # b', 'a'],
    ['user', ''],
    ['; user=x\nuser=u', 'u'],
    ['user=x\r\nuser=u\r', 'u'],
  ])('%j says user %j', (line, user) => {
    expect(readClientSection(`[client]\n${line}\n`).get('user')).toBe(user)
  })
})

describe('files on disk', () => {
  it('tell who may read them, and what is not there or no file', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'regent-config-'))
    try {
      const file = join(dir, 'secret')
      await writeFile(file, 'x')
      await chmod(file, 0o600)
      expect(await readFromDisk(file)).toEqual({ kind: 'text', text: 'x', worldReadable: false })
      await chmod(file, 0o644)
      expect(await readFromDisk(file)).toMatchObject({ worldReadable: true })
      expect(await readFromDisk(join(dir, 'absent'))).toEqual({ kind: 'missing' })
      expect(await readFromDisk(join(file, 'below'))).toEqual({ kind: 'missing' })
      expect(await readFromDisk(dir)).toMatchObject({ kind: 'unreadable', why: 'it is a directory' })
    } finally {
      await rm(dir, { recursive: true })
    }
  })
})
