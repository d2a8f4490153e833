/** Child program: the load, in a process that is not the server's. */
import { serve } from '../child.mjs';
import { load } from './load.mjs';

await serve(load);
