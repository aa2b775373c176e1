import { FACT_NAMES, FACTS, LOST, type PrimaryFacts } from './facts.ts'

const isLost = (facts: PrimaryFacts): boolean => LOST.some((lost) => lost === facts.primary)
const implies = (a: boolean, b: boolean): boolean => !a || b

/** Mixes that no fold can produce, each with its reason. Small on purpose: what is possible needs a verdict. */
const LAWS: readonly { readonly because: string; readonly holds: (f: PrimaryFacts) => boolean }[] = [
  {
    because: 'access, history and replication are read from a primary that answers, and only from it',
    holds: (f) =>
      (f.primary === 'answers') === (f.access !== 'not_known') &&
      (f.primary === 'answers') === (f.history !== 'not_known') &&
      (f.primary === 'answers') === (f.replication !== 'not_known'),
  },
  {
    because: 'replicas are asked about the primary when nothing comes back from it, and only then',
    holds: (f) =>
      isLost(f) === (f.hearing !== 'not_asked') &&
      isLost(f) === (f.witnesses !== 'not_asked') &&
      isLost(f) === (f.proof !== 'not_asked'),
  },
  {
    because: 'older primaries exist where a reign is recorded',
    holds: (f) => implies(f.otherWritable === 'older_reign', f.reign !== 'none'),
  },
  {
    because: 'without a reign one writable server is the subject, and several leave it unknown',
    holds: (f) => implies(f.reign === 'none' && f.otherWritable === 'unexplained', f.primary === 'unknown'),
  },
  {
    because: 'nobody follows an unknown server',
    holds: (f) => implies(f.primary === 'unknown', f.replicas === 'none'),
  },
  {
    because: 'witnesses are replicas that answer',
    holds: (f) =>
      implies(isLost(f) && (f.replicas === 'none' || f.replicas === 'none_answer'), f.hearing === 'no_witness'),
  },
  {
    because: 'witnesses that are enough do not hear it',
    holds: (f) => implies(f.hearing === 'no_witness', f.witnesses === 'too_few'),
  },
  {
    because: 'everyone refusing needs a refusal to us, a witness, and no witness that is quiet',
    holds: (f) => implies(f.proof === 'everyone_refused', f.primary === 'refused' && f.hearing === 'none_hear'),
  },
  {
    because: 'of a reign that is only being opened no witness is demanded, of any other one is',
    holds: (f) =>
      implies(f.proof === 'everyone_refused', f.reign !== 'opening') &&
      implies(f.proof === 'refused_unheard', f.reign === 'opening'),
  },
  {
    because: 'a refusal is demanded, and nobody who receives',
    holds: (f) =>
      implies(f.proof === 'refused_unheard', f.primary !== 'silent' && ['none_hear', 'no_witness'].includes(f.hearing)),
  },
  {
    because: 'nothing is proven against a replica that hears it',
    holds: (f) => implies(f.hearing === 'some_hear', f.proof === 'not_yet'),
  },
  {
    because: 'stopped replication is told by replicas that answer',
    holds: (f) =>
      implies(
        f.replication === 'all_stopped' || f.replication === 'single_stopped',
        f.replicas === 'all_answer' || f.replicas === 'some_answer',
      ),
  },
  {
    because: 'the only replica cannot be some',
    holds: (f) => implies(f.replication === 'single_stopped', f.replicas === 'all_answer'),
  },
]

export const possible = (facts: PrimaryFacts): boolean => LAWS.every((law) => law.holds(facts))
export const brokenLaws = (facts: PrimaryFacts): readonly string[] =>
  LAWS.filter((law) => !law.holds(facts)).map((law) => law.because)

/** All of them, the impossible too. */
export function everyCombination(): Generator<PrimaryFacts> {
  return vary(ALL_WELL, 0)
}

export const ALL_WELL: PrimaryFacts = {
  reign: 'open',
  primary: 'answers',
  access: 'writable',
  history: 'sound',
  otherWritable: 'none',
  replicas: 'all_answer',
  replication: 'flows',
  hearing: 'not_asked',
  witnesses: 'not_asked',
  proof: 'not_asked',
  everyone: 'answers',
}

function* vary(facts: PrimaryFacts, at: number): Generator<PrimaryFacts> {
  const name = FACT_NAMES[at]
  if (name === undefined) {
    yield facts
    return
  }
  for (const value of FACTS[name]) yield* vary({ ...facts, [name]: value }, at + 1)
}
