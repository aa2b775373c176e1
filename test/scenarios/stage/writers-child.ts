/** A process of its own, so that the writers' timing is not the tests'. It is told what to do by messages, one answer each. */
import mysql from 'mysql2/promise'
import { startWriter, type Writer } from '../../../src/lab/sandbox/index.ts'
import type { Order, Reply } from './writers.ts'

const writers: Writer[] = []

async function obey(order: Order): Promise<Reply['value']> {
  switch (order.do) {
    case 'start':
      for (let i = 0; i < order.count; i++)
        writers.push(
          await startWriter({ ...order.at, everyMs: order.everyMs, name: `w${i + 1}`, readyWithinMs: 30_000 }),
        )
      return 'started'
    case 'stats':
      return writers.map((writer) => {
        const { errors, ...stats } = writer.stats()
        return { ...stats, errors: Object.fromEntries(errors), gaps: writer.gaps(order.overMs) }
      })
    case 'stop':
      await Promise.all(writers.map((writer) => writer.stop(order.withinMs)))
      return 'stopped'
    case 'verify': {
      const connection = await mysql.createConnection(order.at)
      try {
        return await Promise.all(writers.map((writer) => writer.verify(connection)))
      } finally {
        connection.destroy()
      }
    }
  }
}

process.on('message', ({ n, order }: { n: number; order: Order }) => {
  obey(order).then(
    (value) => process.send?.({ n, value }),
    (error: unknown) => process.send?.({ n, error: error instanceof Error ? error.message : String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
