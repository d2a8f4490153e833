/** The values that hits are measured with. */
import { smallObject } from '../values.mjs';

/** The one that the bars are about. */
export const SMALL = '154 bytes';

/** What is stored: the value of an index, and what share of the keys is asked for. Large values have fewer. */
export const shapes = {
  [SMALL]: { share: 1, value: smallObject },
  '2 KB, nested': { share: 0.1, value: (index) => nested(index, 26) },
  '20 KB, nested': { share: 0.01, value: (index) => nested(index, 270) },
  text: { share: 1, value: (index) => `a text of forty letters, more or less ${index}` },
  number: { share: 1, value: (index) => index * 1.5 },
};

function nested(index, items) {
  const item = (at) => ({
    id: index + at,
    name: `item ${at}`,
    tags: ['a', 'b'],
    size: { w: 1, h: 2 },
    price: 9.5,
  });
  return { total: items, items: Array.from({ length: items }, (_, at) => item(at)) };
}

export const keysOf = (shape, keys) => keys * shapes[shape].share;
