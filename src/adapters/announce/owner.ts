/** Whose a control socket is: a path below a folder of everybody can be taken by anybody, and the token is sent to whoever listens. */
import { lstatSync, type Stats } from 'node:fs'

export interface Place {
  /** Path of the control socket. */
  readonly control: string
  /** The folder made for it alone, where it lies below a folder in which everybody may make files. */
  readonly room?: string | undefined
  /** The user who owns the file of the token, and so knows it already. */
  readonly knownTo?: number | undefined
}

/**
 * Why nobody may be spoken to there; undefined where the socket is this user's, root's or of whoever knows the token, and where there
 * is none. The room is looked at first: who owns it can replace the socket between the look and the connection.
 */
export function strangerAt(place: Place): string | undefined {
  return (place.room === undefined ? undefined : strangeRoom(place.room, place.knownTo)) ?? strangeSocket(place)
}

/** Why this folder holds no control socket of ours; undefined where it is not there. */
export function strangeRoom(room: string, knownTo: number | undefined): string | undefined {
  const seen = look(room)
  if (seen === undefined) return undefined
  const says = (why: string): string => `the folder ${room} ${why}: remove it, or choose a shorter path for the store`
  if (!seen.isDirectory()) return says('is no folder')
  if (!isOurs(seen, knownTo)) return says(`belongs to the user with id ${seen.uid}`)
  return (seen.mode & 0o077) === 0 ? undefined : says('is open to other users')
}

function strangeSocket({ control, knownTo }: Place): string | undefined {
  const seen = look(control)
  if (seen === undefined || isOurs(seen, knownTo)) return undefined
  return `${control} belongs to the user with id ${seen.uid}, so the token is not sent there: see who made it, and remove it`
}

const isOurs = ({ uid }: Stats, knownTo: number | undefined): boolean =>
  uid === 0 || uid === process.getuid?.() || uid === knownTo

/** The link itself, where it is one. What may not be looked at may not be connected to either. */
function look(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch {
    return undefined
  }
}
