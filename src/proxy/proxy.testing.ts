import { connect } from 'node:net'
import { isRecord } from '../model/route.ts'

export type Answer = Readonly<Record<string, unknown>>

/** One bare request on a connection of its own: what was answered to it, or to the hello where that was refused. */
export function asks(path: string, hello: Answer, request: Answer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let text = ''
    socket.setEncoding('utf8')
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`it closed the connection after: ${text}`)))
    socket.on('data', (chunk: string) => {
      text += chunk
      const lines = text.split('\n').slice(0, -1)
      const answer: unknown = lines
        .map((line): unknown => JSON.parse(line))
        .find((line) => isRecord(line) && !('hello' in line))
      if (!isRecord(answer)) return
      resolve(answer)
      socket.destroy()
    })
    socket.write(`${JSON.stringify(hello)}\n${JSON.stringify({ n: 1, ...request })}\n`)
  })
}
