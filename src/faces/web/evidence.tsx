import { named, plain } from './words.ts'

interface Fact {
  readonly fact: string
  readonly value: string
  readonly readings: readonly string[]
}

/** Facts with the readings that made them. What is not known and was not read says nothing, and is left out. */
export function Evidence({ facts }: { readonly facts: readonly Fact[] }) {
  const told = facts.filter((f) => f.readings.length > 0 || !SILENT.has(f.value))
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

const SILENT: ReadonlySet<string> = new Set(['not_known', 'not_asked'])

/** `otherWritable` as people write it. */
export const words = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

export const namedFacts = (facts: readonly Fact[], names: Readonly<Record<string, string>>): readonly Fact[] =>
  facts.map((fact) => ({ ...fact, readings: fact.readings.map((reading) => named(reading, names)) }))
