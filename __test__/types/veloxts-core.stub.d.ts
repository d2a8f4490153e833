// The part of VeloxTS that the plugin meets, so that its types are checked without VeloxTS.

import type { FastifyInstance } from 'fastify';

export interface BaseContext {
  request: unknown;
}

export interface VeloxPlugin<Options = unknown> {
  name: string;
  version: string;
  register(server: FastifyInstance, options: Options): Promise<void>;
}

export interface VeloxApp {
  use<Options>(plugin: VeloxPlugin<Options>, options?: Options): this;
}
