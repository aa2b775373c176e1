import type { Socket } from 'node:net'
import { LONGEST_CONTROL_LINE } from '../model/proxy-control.ts'

/** Calls back for each whole line. A peer that sends more than any real line without an end is cut off. */
export function eachLine(socket: Socket, line: (text: string) => void): void {
  let rest = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    const parts = `${rest}${chunk}`.split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) line(part)
    if (rest.length > LONGEST_CONTROL_LINE) socket.destroy()
  })
}
