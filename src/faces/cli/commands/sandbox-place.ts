/** Where sandboxes are: each in a directory of its own, and which one was started last from this working directory. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { defaultSandboxDir, type Flavour } from '../../../lab/sandbox/index.ts'
import { ProblemError, problem } from '../../../model/problem.ts'

/** One small file per sandbox, named by when it was started: two that start or end at once never write the same file. */
const STARTED = '.regent/started'

export const configOf = (dir: string): string => join(dir, 'regent.yaml')
export const storeOf = (dir: string): string => join(dir, 'store')
export const watchLogOf = (dir: string): string => join(dir, 'watch.log')

/** A directory that nobody else has: made here, so that of two which start at once each gets its own. */
export async function newDir(server: Flavour, wanted: string | undefined): Promise<string> {
  if (wanted !== undefined) return resolve(wanted)
  for (let n = 1; ; n++) {
    const dir = defaultSandboxDir(`${server}-${n}`)
    await mkdir(resolve(dir, '..'), { recursive: true })
    try {
      await mkdir(dir, { mode: 0o700 })
      return dir
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
  }
}

/** The path of the note. */
export async function noteStarted(dir: string, now: number): Promise<string> {
  const note = join(STARTED, `${String(now).padStart(15, '0')}-${process.pid}`)
  await mkdir(STARTED, { recursive: true })
  await writeFile(note, `${dir}\n`)
  return note
}

export async function forgetStarted(dir: string): Promise<void> {
  for (const { file, at } of await started()) if (at === dir) await rm(file, { force: true })
}

/** The one that is named, or the last one started that is still there. */
export async function dirOf(wanted: string | undefined): Promise<string> {
  if (wanted !== undefined) return resolve(wanted)
  const last = (await started()).findLast(({ at }) => existsSync(join(at, 'sandbox.json')))
  if (last === undefined) throw new ProblemError(problem('sandbox_missing', { dir: resolve('.regent/sandbox') }))
  return last.at
}

async function started(): Promise<readonly { readonly file: string; readonly at: string }[]> {
  const names = await readdir(STARTED).catch(() => [])
  return Promise.all(
    names.sort().map(async (name) => {
      const file = join(STARTED, name)
      return { file, at: (await readFile(file, 'utf8').catch(() => '')).trim() }
    }),
  )
}
