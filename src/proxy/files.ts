import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { link, open, rename, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** A name in the same folder that nobody else uses, and that is no longer than 9 bytes: a path of a socket has few. */
export const besides = (path: string): string => join(dirname(path), `.${randomBytes(4).toString('hex')}`)

/** The file holds the old text or the new one, never half of one, also after the power went. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.next`
  {
    await using file = await open(next, 'w', 0o600)
    await file.writeFile(text)
    await file.datasync()
  }
  await rename(next, path)
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
}

/** Never in the place of another file, and never seen half written: false where one was there already. */
export async function createFile(path: string, text: string): Promise<boolean> {
  const whole = besides(path)
  await writeFile(whole, text, { mode: 0o600, flag: 'wx' })
  try {
    await link(whole, path)
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  } finally {
    await unlink(whole).catch(() => undefined) // a folder that is being removed takes it along
  }
}

export const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code

export type Secret =
  | { readonly kind: 'ours'; readonly text: string }
  | { readonly kind: 'lost' }
  /** It cannot be read, or somebody else may have written it or may read it. */
  | { readonly kind: 'not_ours'; readonly why: string }

/**
 * A secret of this user's or root's, which nobody else can have made or read. Looked at and read through one open file, so that it cannot
 * be exchanged in between; a link is not followed, and a pipe not waited for.
 */
export async function readSecret(path: string): Promise<Secret> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const seen = await file.stat()
    if (!seen.isFile()) return { kind: 'not_ours', why: 'it is no regular file' }
    if (seen.uid !== 0 && seen.uid !== process.getuid?.())
      return { kind: 'not_ours', why: `it belongs to the user with id ${seen.uid}` }
    if ((seen.mode & 0o077) !== 0) return { kind: 'not_ours', why: 'other users have rights on it' }
    return { kind: 'ours', text: (await file.readFile('utf8')).trim() }
  } catch (error) {
    if (isCode(error, 'ENOENT')) return { kind: 'lost' }
    return { kind: 'not_ours', why: isCode(error, 'ELOOP') ? 'it is a symbolic link' : String(error) }
  }
}
