// What the gateway counts, for Prometheus. Labels come from closed sets (route templates, codes), never from input.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * What can pile up: operations that the ledger has not answered, all that have no receipt yet, password derivations that wait, picture jobs waiting or
 * running, and uploads under way.
 */
export type Queue = 'operations' | 'outbox' | 'argon2' | 'stego' | 'uploads' | 'acquisition';

/** The gateway's instruments. Each instance has a registry of its own, so that two gateways can live in one process. */
export class Metrics {
  private readonly registry = new Registry();
  private readonly http = new Histogram({
    name: 'prms_http_request_duration_seconds',
    help: 'Time from the request’s arrival to the end of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers: [this.registry],
  });
  private readonly commits = new Histogram({
    name: 'prms_ledger_commit_duration_seconds',
    help: 'Time from an operation’s submission to its receipt.',
    labelNames: ['outcome'],
    buckets: SECONDS,
    registers: [this.registry],
  });
  private readonly queues = new Map<Queue, () => number>();
  private readonly queue = new Gauge({
    name: 'prms_queue_length',
    help: 'What waits or is under way, at the moment of asking.',
    labelNames: ['queue'],
    registers: [this.registry],
    collect: () => {
      for (const [queue, length] of this.queues) this.queue.set({ queue }, length());
    },
  });
  private sockets = (): number => 0;
  private readonly openSockets: Gauge = new Gauge({
    name: 'prms_sockets_open',
    help: 'WebSockets that are open, at the moment of asking.',
    registers: [this.registry],
    collect: () => this.openSockets.set(this.sockets()),
  });
  private readonly clouds = new Counter({
    name: 'prms_cloud_errors_total',
    help: 'Failed attempts at a cloud.',
    labelNames: ['cloud', 'operation', 'code'],
    registers: [this.registry],
  });
  private readonly copies = new Counter({
    name: 'prms_cloud_copies_total',
    help: 'Copies found missing or bad, owed by a cloud that did not answer, healed, copied unproven, and failed to be healed.',
    labelNames: ['cloud', 'outcome'],
    registers: [this.registry],
  });
  private readonly opened = new Counter({
    name: 'prms_accesses_total',
    help: 'Accesses to reports by their outcome; those anchored late count as `late` besides.',
    labelNames: ['outcome'],
    registers: [this.registry],
  });

  constructor(options: { readonly process?: boolean } = {}) {
    if (options.process === true) collectDefaultMetrics({ register: this.registry });
  }

  /** `route` is the template of the route, `unmatched` for none. */
  httpRequest(method: string, route: string, status: number, durationMs: number): void {
    this.http.observe({ method, route, status: String(status) }, durationMs / 1000);
  }

  ledgerCommit(outcome: 'applied' | 'refused' | 'failed', durationMs: number): void {
    this.commits.observe({ outcome }, durationMs / 1000);
  }

  /** Asks for the queue's length whenever somebody reads the metrics. */
  watchQueue(queue: Queue, length: () => number): void {
    this.queues.set(queue, length);
  }

  /** Asks for the number of open WebSockets whenever somebody reads the metrics. */
  watchSockets(count: () => number): void {
    this.sockets = count;
  }

  cloudError(cloud: string, operation: string, code: string): void {
    this.clouds.inc({ cloud, operation, code });
  }

  cloudCopy(
    cloud: string,
    outcome: 'missing' | 'bad' | 'owed' | 'healed' | 'copied' | 'failed',
  ): void {
    this.copies.inc({ cloud, outcome });
  }

  access(outcome: 'permit' | 'refuse' | 'emergency' | 'late'): void {
    this.opened.inc({ outcome });
  }

  /** The text exposition format and its media type. */
  async render(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.registry.contentType, text: await this.registry.metrics() };
  }
}
