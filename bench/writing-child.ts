/** The writer of a bench, a process of its own: neither the bench's work nor Regent's may delay its clock. */
import mysql from 'mysql2/promise'
import { startWriter, type Writer } from '../src/lab/sandbox/index.ts'
import type { Order, Reply } from './writing.ts'

const writers: Writer[] = []

async function obey(order: Order): Promise<Reply['value']> {
  const current = writers.at(-1)
  switch (order.do) {
    case 'start':
      writers.push(await startWriter({ ...order.at, everyMs: order.everyMs, name: order.name }))
      return undefined
    case 'acknowledgements': {
      const from = order.since - performance.timeOrigin
      const list = current?.acknowledgedList ?? []
      const first = list.findIndex(({ at }) => at > from)
      return list
        .slice(first === -1 ? list.length - 1 : Math.max(0, first - 1))
        .map(({ at }) => at + performance.timeOrigin)
    }
    case 'stop':
      await current?.stop(3000)
      return undefined
    case 'verify': {
      const connection = await mysql.createConnection({ ...order.at, supportBigNumbers: true, bigNumberStrings: true })
      try {
        const verdicts = await Promise.all(writers.map((writer) => writer.verify(connection)))
        return [
          verdicts.reduce((sum, verdict) => sum + verdict.lost.length + verdict.contradicted.length, 0),
          writers.reduce((sum, writer) => sum + writer.acknowledgedList.length, 0),
        ]
      } finally {
        connection.destroy()
      }
    }
  }
}

process.on('message', ({ n, order }: { n: number; order: Order }) => {
  obey(order).then(
    (value) => process.send?.({ n, value: value ?? [] }),
    (error: unknown) => process.send?.({ n, error: error instanceof Error ? error.message : String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
