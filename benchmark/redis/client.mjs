/** Child program: one of the Redis contenders. */
import { serve } from '../remote/client.mjs';
import { NoDriver, contender } from './contenders.mjs';
import { scenario } from './scenarios.mjs';

serve({ contender, scenario, Absent: NoDriver });
