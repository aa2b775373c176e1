import { printAddress } from '../../model/address.ts'
import type { Diagnosis } from '../../model/diagnosis.ts'
import { edgesTo, member, type Topology } from '../../model/topology.ts'

/** One sentence per cycle: logs, pages and people all read it. */
export function sentenceOf(topology: Topology, diagnosis: Diagnosis): string {
  const { primary, verdict, because } = diagnosis.primary
  const found = primary === undefined ? undefined : member(topology, primary)
  const name = found ? printAddress(found.sighting.address) : 'no server'
  const following =
    primary === undefined ? 0 : edgesTo(topology, primary).filter((e) => e.channel.receiver === 'running').length
  const troubles = diagnosis.replicas.length
  const tail = troubles === 0 ? '' : `; ${troubles} finding${troubles === 1 ? '' : 's'} about replicas`
  if (verdict === 'healthy')
    return `${topology.alias}: healthy; ${name} leads, ${following} replica${following === 1 ? '' : 's'} stream${following === 1 ? 's' : ''}${tail}`
  return `${topology.alias}: ${verdict} (${name}): ${because}${tail}`
}
