/**
 * The types of `import … from 'ferrocache'`: the same as those of `require`, with the plugin as the
 * default export.
 *
 * @packageDocumentation
 */

export * from './index.js';
export { cachePlugin as default } from './index.js';
