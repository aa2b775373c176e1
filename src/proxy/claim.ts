/** Who may make or replace a door: of all that try at once, one at a time. */
import { createHash, randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { basename, dirname, join } from 'node:path'

/** How long whoever holds the socket file may take to accept; a unix socket answers at once, or nobody is there. */
const PROBE_MS = 1000

/** What all claims to one door begin with, and no other file in its folder. */
const markOf = (door: string): string => `.${createHash('sha256').update(basename(door)).digest('hex').slice(0, 4)}`

/**
 * A name for a socket beside the door: never used twice. Whoever listens at it claims the door; a process that dies gives its
 * claim up with its socket, so none is ever left in anybody's way, and none has to be removed.
 */
export const claimTo = (door: string): string => join(dirname(door), `${markOf(door)}${randomBytes(4).toString('hex')}`)

/**
 * What a claim, at which we listen already, is worth. `only`: nobody else claims this door, and whoever does from now on sees ours,
 * and steps back: the door is ours to make until the claim is gone. `first` of several: it may wait for the others to step back.
 */
export async function worthOf(claim: string, door: string): Promise<'only' | 'first' | 'later'> {
  const own = basename(claim)
  const names = await readdir(dirname(door))
  const rivals = names.filter((name) => name !== own && name.length === own.length && name.startsWith(markOf(door)))
  const probed = await Promise.all(
    rivals.map(async (name) => ({ name, who: await whoAnswers(join(dirname(door), name)) })),
  )
  const alive = probed.filter(({ who }) => who === 'somebody')
  if (alive.length === 0) return 'only'
  return alive.every(({ name }) => own < name) ? 'first' : 'later'
}

/** `absent`: no such file. `nobody`: a file, and no process behind it. A process that is frozen still counts as somebody. */
export function whoAnswers(path: string): Promise<'absent' | 'nobody' | 'somebody'> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const end = (who: 'absent' | 'nobody' | 'somebody') => (): void => {
      socket.destroy()
      resolve(who)
    }
    socket.setTimeout(PROBE_MS, end('somebody'))
    socket.once('connect', end('somebody'))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const nobody = error.code === 'ECONNREFUSED' ? 'nobody' : 'somebody'
      end(error.code === 'ENOENT' ? 'absent' : nobody)()
    })
  })
}
