import { type FileHandle, open } from 'node:fs/promises'

/** What came of reading a file. `worldReadable`: everybody on this machine may read it. */
export type FileRead =
  | { readonly kind: 'text'; readonly text: string; readonly worldReadable: boolean }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly why: string; readonly fix?: string }

export type ReadFile = (path: string) => Promise<FileRead>

/** A configuration or secret is small; a wrong path may name a disk or an endless device. */
const LARGEST_BYTES = 4 * 1024 * 1024

export const readFromDisk: ReadFile = async (path) => {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'r')
    const status = await file.stat()
    if (status.isDirectory()) return { kind: 'unreadable', why: 'it is a directory', fix: 'name a file in it' }
    if (!status.isFile() && !status.isFIFO()) return { kind: 'unreadable', why: 'it is not a file', fix: 'name a file' }
    if (status.size > LARGEST_BYTES)
      return { kind: 'unreadable', why: 'it is larger than 4 MB', fix: 'name a smaller file: is it the right one?' }
    return { kind: 'text', text: await file.readFile('utf8'), worldReadable: (status.mode & 0o004) !== 0 }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing' }
    return { kind: 'unreadable', why: error instanceof Error ? error.message : String(error) }
  } finally {
    await file?.close()
  }
}
