import { expect } from 'chai';
import { Metrics } from './metrics.js';

describe('metrics', () => {
  it('show what was counted, in Prometheus’ text format', async () => {
    const metrics = new Metrics();
    metrics.httpRequest('GET', '/reports/{reportId}', 200, 30);
    metrics.ledgerCommit('applied', 12);
    let waiting = 0;
    metrics.watchQueue('operations', () => waiting);
    waiting = 7;
    metrics.cloudError('disk', 'put', 'FULL');
    metrics.access('emergency');
    const { contentType, text } = await metrics.render();
    expect(contentType).to.contain('text/plain');
    expect(text).to.contain(
      'prms_http_request_duration_seconds_bucket{le="0.05",method="GET",route="/reports/{reportId}",status="200"} 1',
    );
    expect(text).to.contain(
      'prms_http_request_duration_seconds_bucket{le="0.025",method="GET",route="/reports/{reportId}",status="200"} 0',
    );
    expect(text).to.contain('prms_ledger_commit_duration_seconds_count{outcome="applied"} 1');
    expect(text).to.contain('prms_queue_length{queue="operations"} 7');
    expect(text).to.contain('prms_cloud_errors_total{cloud="disk",operation="put",code="FULL"} 1');
    expect(text).to.contain('prms_accesses_total{outcome="emergency"} 1');
    expect(text).to.not.contain('process_cpu');
  });

  it('stay apart between two gateways in one process, and add the process on request', async () => {
    const one = new Metrics({ process: true });
    one.access('permit');
    expect((await one.render()).text).to.contain('process_cpu');
    expect((await new Metrics().render()).text).to.not.contain(
      'prms_accesses_total{outcome="permit"}',
    );
  });
});
