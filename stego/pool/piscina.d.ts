// The part of piscina that the pool uses. The types that it ships do not pass
// `exactOptionalPropertyTypes`, so tsconfig.json points here instead.

/** A pool of worker threads that all run the module `filename`. */
export declare class Piscina<Request, Answer> {
  constructor(options: { filename: string; minThreads: number; maxThreads: number });
  run(request: Request): Promise<Answer>;
  destroy(): Promise<void>;
}
