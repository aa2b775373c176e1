/** One way over the network, ms. */
export const NET_MS = 0.4
