import { plain } from './words.ts'

interface Fact {
  readonly fact: string
  readonly value: string
  readonly readings: readonly string[]
}

/** Facts with the readings that made them. What is not known and was not read says nothing, and is left out. */
export function Evidence({ facts }: { readonly facts: readonly Fact[] }) {
  const told = facts.filter((f) => f.readings.length > 0 || f.value !== 'not_known')
  return (
    <dl className="evidence">
      {told.map(({ fact, value, readings }) => (
        <div key={fact}>
          <dt>
            {plain(words(fact))} <b>{plain(value)}</b>
          </dt>
          {readings.map((reading) => (
            <dd key={reading} title={reading}>
              {reading}
            </dd>
          ))}
        </div>
      ))}
    </dl>
  )
}

/** `otherWritable` as people write it. */
export const words = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
