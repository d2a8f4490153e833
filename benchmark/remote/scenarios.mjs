/** What a scenario is, whatever the backend: `{ id, group, operation, inFlight, operations }`. */

/** Keys of one `many`. */
export const MANY = 100;

const TITLES = {
  get: '`get`',
  many: `\`many\` of ${MANY} keys`,
  put: '`put`',
  recall: '`remember`, a hit each time',
  remember: '`remember`, a miss each time',
};

export function title({ operation, inFlight }) {
  return `${TITLES[operation]}, ${inFlight === 1 ? 'one' : inFlight} in flight`;
}
