/** Child program: one of the CouchDB contenders. */
import { serve } from '../remote/client.mjs';
import { contender } from './contenders.mjs';
import { scenario } from './scenarios.mjs';

serve({ contender, scenario });
